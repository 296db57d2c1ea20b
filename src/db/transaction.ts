import type { DescMethod, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { SqlEntityManager } from "@mikro-orm/sql";
import { sql } from "kysely";
import pRetry from "p-retry";
import type { Call } from "../call.ts";
import { DomainError } from "../errors.ts";
import type { Aggregate, VersionedAggregate } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";
import { type ConsistencyToken, type ConsistencyTokens, MAX_TOKEN_AGGREGATES } from "../versions/token.ts";
import { inOrder, isVersioned, listed, lockAggregates, versionsOf } from "./aggregates.ts";
import { sendable, withToken } from "./answer.ts";
import { beginningOf, timeLeft, writerOf } from "./beginning.ts";
import { isContention } from "./faults.ts";
import type { Idempotency, WriteSession } from "./idempotency.ts";
import { RolledBack } from "./in-transaction.ts";
import type { Database } from "./orm.ts";
import { Overtaken } from "./overtaken.ts";
import { serviceOf } from "./places.ts";
import { metSchemaChange } from "./preparing-client.ts";
import { namedIn } from "./subjects.ts";
import { createJoins, type Joins, type Running } from "./together.ts";
import { createTurns } from "./turns.ts";
import { DatabaseAway, isUnreachable } from "./unreachable.ts";
import type { Body, Performed, PlainTx, Tx, Write, WritePlan } from "./write.ts";
import { createWriteSession, unconnected, type WriteConnection, writeOn } from "./write-connection.ts";

const ATTEMPTS = 3;
/** The most attempts of a write whose locks change meanwhile: it has done nothing yet. */
const ATTEMPTS_TO_LOCK = 10;
/** Returns how a caller asks for a write: to be answered once (the request_id), or only checked, with the same errors. */
const wishesOf = ({ requestId = "", validateOnly = false }: Message & { requestId?: string; validateOnly?: boolean }) => ({
  requestId,
  validateOnly,
});

const NONE = { kinds: [], ids: [] };

/** The token of a write whose aggregates are too many to name, or do not tell what it wrote. It must not fail after the commit: a token without epoch makes reads strong. */
const tokenAfterCommit = async (db: Database, call: Call): Promise<ConsistencyToken> => {
  const now = sql<{ epoch: string; time: number }>`
    select current_epoch() as epoch, extract(epoch from statement_timestamp())::float8 * 1000 as time`;
  const row = await db
    .session(call)
    .row(now)
    .catch(() => undefined);
  return { epoch: "", ...row, aggregates: [] };
};

const outcomeUnknown = (cause: unknown): DomainError =>
  new DomainError("OutcomeUnknown", "COMMIT_UNKNOWN", "The outcome of the commit could not be learned; retry with the same request_id.", {
    cause,
  });

/** Tells whether a write that failed may run again. */
const mayRetry = (error: unknown, attemptNumber: number): boolean =>
  error instanceof Overtaken ||
  (attemptNumber < ATTEMPTS &&
    (isContention(error) || metSchemaChange(error) || (isUnreachable(error) && !(error instanceof DatabaseAway))));

/** The groups of writes, by the method of their call. */
const writeGroups = new Map<string, string>();

const writeGroupOf = (method: string): string => {
  const known = writeGroups.get(method);
  if (known !== undefined) return known;
  const group = `write ${serviceOf(method)}`;
  writeGroups.set(method, group);
  return group;
};

/** What a write needs besides the database. */
type WriteParts = {
  readonly tokens: ConsistencyTokens;
  readonly idempotency: Idempotency;
  /** Refuses a write by the rules of its RPC for acting users. It runs before the write locks anything, and again under its locks. */
  readonly permit: (tx: WriteSession, method: DescMethod, request: Message) => Promise<void> | undefined;
  readonly committed: (moved: Notification) => void;
};

/**
 * Makes the function that runs writes on a database. After each commit, that function passes the changed aggregates and their versions to
 * `committed`, which must not throw.
 */
export const createWrite = (db: Database, { tokens, idempotency, permit, committed }: WriteParts): Write => {
  const turns = createTurns();
  const joins = createJoins((refusal) => unconnected(db, refusal));
  /**
   * Refuses a write for its acting user before it locks anything: a user locks nothing that it must not write, and what is not there costs what
   * is hidden costs. Who repeats a write may have lost the right to it meanwhile, and gets the first answer all the same.
   */
  const permitBefore = async (
    tx: PlainTx,
    plan: { readonly method: DescMethod; readonly request: Message },
    requestId: string,
  ): Promise<void> => {
    try {
      await permit(tx, plan.method, plan.request);
    } catch (error) {
      if (requestId === "" || !(error instanceof DomainError) || !(await idempotency.isClaimed(tx, requestId))) throw error;
    }
  };

  /** Runs all of a write but BEGIN, and sends COMMIT behind its last statement. */
  const perform = async <M extends DescMethod>(
    connection: WriteConnection,
    left: number,
    tx: PlainTx,
    plan: WritePlan<M>,
    body: Body<M>,
  ): Promise<Performed<MessageInitShape<M["output"]>>> => {
    const { aggregates, isSecret = false } = plan;
    const { requestId, validateOnly } = wishesOf(plan.request);
    // The first statement of the body goes with the lock, which the database runs before it.
    const known = typeof aggregates === "function" || tx.call.actingUserId !== undefined ? undefined : listed(aggregates);
    const writer = writerOf(tx.call, left);
    connection.ahead(beginningOf(writer, known ?? NONE));
    if (tx.call.actingUserId !== undefined) await permitBefore(tx, plan, requestId);
    const locked = typeof aggregates === "function" ? await aggregates(tx) : aggregates;
    const touched: (Aggregate | VersionedAggregate)[] = [...locked];
    // Versions are read once for each aggregate; those that come along are kept, however many: the last one is the highest.
    const touch: Tx["touch"] = (aggregate) => {
      const isKnown = !isVersioned(aggregate) && touched.some(({ kind, id }) => kind === aggregate.kind && id === aggregate.id);
      if (!isKnown) touched.push(aggregate);
    };
    const requireLocked: Tx["requireLocked"] = (wanted, what) => {
      for (const { kind, id } of wanted) if (!locked.some((one) => one.kind === kind && one.id === id)) throw new Overtaken(what);
    };
    let ended: (Notification & { readonly after: number }) | undefined;
    const whole: Tx["whole"] = async ({ aggregate, values: valuesOf, statement, read, together }) => {
      const isAll = locked.every(({ kind, id }) => kind === aggregate.kind && id === aggregate.id);
      const values = valuesOf(writer);
      const query = statement(values);
      const joining = together && { together, aggregateId: aggregate.id, values };
      const answer = read(isAll ? await connection.alone(query, joining) : (await tx.one(query)).answer);
      ended = { epoch: answer.epoch, aggregates: [{ ...aggregate, version: BigInt(answer.version) }], after: connection.sent() };
      return answer;
    };
    const touching: Tx = { ...tx, writer, touch, requireLocked, whole };
    if (known === undefined) await lockAggregates(touching, locked);
    const before = requestId === "" ? undefined : await idempotency.claim(touching, plan.method, requestId, plan.request, isSecret, locked);
    if (before !== undefined) return { response: before, moved: undefined };
    const permitted = permit(touching, plan.method, plan.request);
    if (permitted !== undefined) await permitted;
    const measured = sendable(plan, await body(touching));
    if (validateOnly) throw new RolledBack(measured.message);
    tx.call.signal.throwIfAborted();
    // What a statement has returned holds unless another one came behind it.
    const versions = versionsOf(touching, touched, ended?.after === connection.sent() ? ended : undefined);
    // What the answer still lacks can't fail, so COMMIT goes with the question; after a failure it does not commit.
    if (requestId === "") connection.commit();
    const moved = await versions;
    const isWide = plan.hasTimeToken === true || moved.aggregates.length > MAX_TOKEN_AGGREGATES;
    const { message, bytes } = withToken(plan, measured, isWide ? "" : tokens.issue(moved));
    if (requestId !== "") {
      const kept = idempotency.keep(touching, requestId, bytes, isSecret, [...touched, ...namedIn(plan.method.output, message)]);
      connection.commit();
      await kept;
    }
    return { response: message as MessageInitShape<M["output"]>, moved };
  };

  /** Runs one transaction. The token of a wide write is still missing in its response. */
  const attempt = async <M extends DescMethod>(
    call: Call,
    plan: WritePlan<M>,
    body: Body<M>,
    joins?: Joins,
  ): Promise<MessageInitShape<M["output"]>> => {
    const { caller, signal } = call;
    let commitSent = false;
    try {
      const left = timeLeft(call);
      const group = writeGroupOf(call.method);
      const run: Running = (until, work) => writeOn(db, { group, caller, signal: until }, left, work);
      const work = async (connection: WriteConnection) => {
        let forked: SqlEntityManager | undefined;
        const em = () => {
          if (forked === undefined) {
            forked = db.em.fork({ clear: true, ...db.abort(call) });
            forked.setTransactionContext(connection.sql);
          }
          return forked;
        };
        const commit = () => {
          commitSent = true;
          connection.commit();
        };
        return perform({ ...connection, commit }, left, { ...createWriteSession(connection, db.kinds), call, em }, plan, body);
      };
      const joined = await joins?.write(`${call.method} ${caller.name}`, { signal, run }, work);
      // What was to be committed with others was not.
      if (joined === undefined) commitSent = false;
      const { response, moved } = joined ?? (await run(signal, work));
      if (moved !== undefined) committed(moved);
      return response;
    } catch (error) {
      if (error instanceof RolledBack) return error.answer as MessageInitShape<M["output"]>;
      throw commitSent && isUnreachable(error) ? outcomeUnknown(error) : error;
    }
  };

  /** The aggregates of a write whose turn it waits for; those that have to be looked up are known too late. */
  const keysOf = <M extends DescMethod>({ aggregates }: WritePlan<M>): readonly string[] =>
    typeof aggregates === "function" ? [] : inOrder(aggregates).map(({ kind, id }) => `${kind}/${id}`);

  /** Where a write may join others; undefined = nowhere. One with an acting user or a request_id asks the database more than it is told by one statement. */
  const joinsOf = <M extends DescMethod>(call: Call, { mayJoin = false, request }: WritePlan<M>): Joins | undefined => {
    if (!mayJoin || call.actingUserId !== undefined || db.kind === "pglite") return undefined;
    const { requestId, validateOnly } = wishesOf(request);
    return requestId === "" && !validateOnly ? joins : undefined;
  };

  /** Runs a write until it is done; its first attempt has failed. */
  const again = <M extends DescMethod>(call: Call, plan: WritePlan<M>, body: Body<M>, failure: unknown) =>
    pRetry((attemptNumber) => (attemptNumber === 1 ? Promise.reject(failure) : attempt(call, plan, body)), {
      retries: ATTEMPTS_TO_LOCK - 1,
      minTimeout: 10,
      maxTimeout: 100,
      factor: 2,
      randomize: true,
      signal: call.signal,
      shouldRetry: ({ error, attemptNumber }) => mayRetry(error, attemptNumber),
    });

  const attemptAll = async <M extends DescMethod>(
    call: Call,
    plan: WritePlan<M>,
    body: Body<M>,
    endTurn: () => void,
  ): Promise<MessageInitShape<M["output"]>> => {
    try {
      return await attempt(call, plan, body, joinsOf(call, plan));
    } catch (error) {
      if (!mayRetry(error, 1)) throw error;
      return await again(call, plan, body, error);
    } finally {
      endTurn();
    }
  };

  return async (call, plan, body) => {
    const turn = turns.take(keysOf(plan), () => call.signal);
    const response = await attemptAll(call, plan, body, turn instanceof Promise ? await turn : turn);
    const { consistencyToken } = response as { consistencyToken?: string };
    // A check has written nothing that a token could name.
    return consistencyToken === "" && !wishesOf(plan.request).validateOnly
      ? { ...response, consistencyToken: tokens.issue(await tokenAfterCommit(db, call)) }
      : response;
  };
};
