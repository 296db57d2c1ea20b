import { createHmac } from "node:crypto";
import { type DescMethod, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Call } from "../call.ts";
import { invalidField } from "../errors.ts";
import { createVault, subKey } from "../secrets/secrets.ts";
import type { Session } from "./session.ts";

/** The number of hours for which the answer to a request with a request_id is kept. */
export const IDEMPOTENCY_HOURS = 24;

/** The transaction of a write, and the call that it belongs to. */
export type WriteSession = Session & { readonly call: Call };

/** The store of the answers of earlier writes, keyed by caller, RPC and request_id. */
export type Idempotency = {
  /**
   * Claims the request_id for this transaction. It waits for another transaction that holds it.
   * @returns the answer that was given before; undefined when the write is new.
   * @throws INVALID_ARGUMENT REQUEST_ID_REUSED when the same id came with another request, or for another acting user.
   */
  readonly claim: <M extends DescMethod>(
    tx: WriteSession,
    method: M,
    requestId: string,
    request: MessageShape<M["input"]>,
    isSecret: boolean,
  ) => Promise<MessageInitShape<M["output"]> | undefined>;
  /** Tells whether a write of this caller and RPC has the request_id already. Nothing is claimed. */
  readonly isClaimed: (tx: WriteSession, requestId: string) => Promise<boolean>;
  /** Stores the answer, to be committed with the write; encrypted if it has a secret. */
  readonly keep: (tx: WriteSession, requestId: string, response: Uint8Array, isSecret: boolean) => Promise<void>;
};

/** The place in the database for which the secret answer to a request is encrypted. */
const placeOf = ({ call }: WriteSession, requestId: string): string => `idempotency/${call.caller.name}/${call.method}/${requestId}`;

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
    ) => {
      const hmac = createHmac("sha256", key).update(toBinary(method.input, request));
      // An answer is for the user that it was given for: another one may not be allowed to see it.
      const { actingUserId } = tx.call;
      const hash = (actingUserId === undefined ? hmac : hmac.update(`acting:${actingUserId}`)).digest();
      // A row past its time is taken over as if it were not there; the sweeper may not have come by yet.
      const row = await tx.row(sql<{ fresh: boolean; request_hash: Uint8Array; response: Uint8Array | null }>`
        insert into idempotency as i (caller, method, request_id, request_hash)
        values (${tx.call.caller.name}, ${tx.call.method}, ${requestId}::uuid, ${hash})
        on conflict (caller, method, request_id) do update set
          request_hash = case when i.create_time < now() - make_interval(hours => ${IDEMPOTENCY_HOURS}) then excluded.request_hash else i.request_hash end,
          response = case when i.create_time < now() - make_interval(hours => ${IDEMPOTENCY_HOURS}) then null else i.response end,
          create_time = greatest(i.create_time, case when i.create_time < now() - make_interval(hours => ${IDEMPOTENCY_HOURS}) then now() end)
        returning request_hash, response`);
      if (row && !hash.equals(row.request_hash)) {
        throw invalidField("request_id", "was used for another request", "REQUEST_ID_REUSED");
      }
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
    keep: async (tx, requestId, response, isSecret) => {
      const stored = isSecret ? vault.lock(Buffer.from(response).toString("base64"), placeOf(tx, requestId)) : response;
      await tx.rows(sql`
        update idempotency set response = ${stored}
        where caller = ${tx.call.caller.name} and method = ${tx.call.method} and request_id = ${requestId}::uuid`);
    },
  };
};
