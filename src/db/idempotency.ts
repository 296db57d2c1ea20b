import { createHmac } from "node:crypto";
import { type DescMethod, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Call } from "../call.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { createVault, subKey } from "../secrets/secrets.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import type { Session } from "./session.ts";
import { subjectsOf } from "./subjects.ts";

/** The number of hours for which the answer to a request with a request_id is kept. */
export const IDEMPOTENCY_HOURS = 24;

/** A kept answer `i` is past its time. */
const IS_OLD = sql`i.create_time < now() - make_interval(hours => ${sql.lit(IDEMPOTENCY_HOURS)})`;

/** The transaction of a write, and the call that it belongs to. */
export type WriteSession = Session & { readonly call: Call };

/** The store of the answers of earlier writes, keyed by caller, RPC and request_id. */
export type Idempotency = {
  /**
   * Claims the request_id for this transaction, which has locked the aggregates. It waits for another transaction that holds it.
   * @returns the answer that was given before; undefined when the write is new.
   * @throws INVALID_ARGUMENT REQUEST_ID_REUSED when the same id came with another request, or for another acting user; FAILED_PRECONDITION
   * ANSWER_ERASED when the answer was erased since.
   */
  readonly claim: <M extends DescMethod>(
    tx: WriteSession,
    method: M,
    requestId: string,
    request: MessageShape<M["input"]>,
    isSecret: boolean,
    locked: readonly Aggregate[],
  ) => Promise<MessageInitShape<M["output"]> | undefined>;
  /** Tells whether a write of this caller and RPC has the request_id already. Nothing is claimed. */
  readonly isClaimed: (tx: WriteSession, requestId: string) => Promise<boolean>;
  /** Stores the answer, to be committed with the write, and what it is about; encrypted if it has a secret. */
  readonly keep: (
    tx: WriteSession,
    requestId: string,
    response: Uint8Array,
    isSecret: boolean,
    touched: readonly Aggregate[],
  ) => Promise<void>;
};

/** The place in the database for which the secret answer to a request is encrypted. */
const placeOf = ({ call }: WriteSession, requestId: string): string => `idempotency/${call.caller.name}/${call.method}/${requestId}`;

/**
 * Erases the answers that are kept about users, accounts, what profiles own, and names: a write that is repeated is refused from then on, and never
 * runs twice. Call it behind all that locks something: a repeated write holds its locks while it waits for the row of its answer.
 */
export const eraseAnswers = async (tx: Session, aggregates: readonly Aggregate[]): Promise<void> => {
  // Of an empty answer and not of none, with which a version before would let the write run again. This write itself has none yet.
  await tx.rows(sql`
    update idempotency set response = ''::bytea, subjects = '{}', is_erased = true
    where subjects && ${subjectsOf(aggregates)}::text[] and response is not null`);
};

/** Makes the store of the answers of earlier writes. A request is stored only as a keyed hash, whose key is derived from `secretKey`. */
export const createIdempotency = (secretKey: Uint8Array): Idempotency => {
  const key = subKey(secretKey, "request-hash");
  const vault = createVault(secretKey);
  return {
    claim: async <M extends DescMethod>(
      tx: WriteSession,
      method: M,
      requestId: string,
      request: MessageShape<M["input"]>,
      isSecret: boolean,
      locked: readonly Aggregate[],
    ) => {
      const hmac = createHmac("sha256", key).update(toBinary(method.input, request));
      // An answer is for the user that it was given for: another one may not be allowed to see it.
      const { actingUserId } = tx.call;
      const hash = (actingUserId === undefined ? hmac : hmac.update(`acting:${actingUserId}`)).digest();
      // A row past its time is taken over as if it were not there; the sweeper may not have come by yet.
      const row = await tx.row(sql<{ request_hash: Uint8Array; response: Uint8Array | null; is_erased: boolean }>`
        insert into idempotency as i (caller, method, request_id, request_hash, subjects)
        values (${tx.call.caller.name}, ${tx.call.method}, ${requestId}::uuid, ${hash}, ${subjectsOf(locked)}::text[])
        on conflict (caller, method, request_id) do update set
          request_hash = case when ${IS_OLD} then excluded.request_hash else i.request_hash end,
          response = case when ${IS_OLD} then null else i.response end,
          subjects = case when ${IS_OLD} then excluded.subjects else i.subjects end,
          is_erased = i.is_erased and not ${IS_OLD},
          create_time = greatest(i.create_time, case when ${IS_OLD} then now() end)
        returning request_hash, response, is_erased`);
      if (row && !hash.equals(row.request_hash)) {
        throw invalidField("request_id", "was used for another request", "REQUEST_ID_REUSED");
      }
      if (row?.is_erased)
        throw failedPrecondition("ANSWER_ERASED", "The request was carried out, and its answer was erased with what it was about.");
      if (!row?.response) return undefined;
      const bytes = isSecret ? Buffer.from(vault.unlock(row.response, placeOf(tx, requestId)), "base64") : row.response;
      return fromBinary(method.output, bytes) as MessageInitShape<M["output"]>;
    },
    isClaimed: async (tx, requestId) => {
      const row = await tx.row(sql`
        select from idempotency
        where caller = ${tx.call.caller.name} and method = ${tx.call.method} and request_id = ${requestId}::uuid`);
      return row !== undefined;
    },
    keep: async (tx, requestId, response, isSecret, touched) => {
      const stored = isSecret ? vault.lock(Buffer.from(response).toString("base64"), placeOf(tx, requestId)) : response;
      await tx.rows(sql`
        update idempotency set response = ${stored}, subjects = ${subjectsOf(touched)}::text[]
        where caller = ${tx.call.caller.name} and method = ${tx.call.method} and request_id = ${requestId}::uuid`);
    },
  };
};
