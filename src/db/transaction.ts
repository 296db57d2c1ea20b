import { create, type DescMethod, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { SqlEntityManager } from "@mikro-orm/sql";
import { sql } from "kysely";
import pRetry from "p-retry";
import { type Call, MAX_RESPONSE_BYTES } from "../call.ts";
import { DomainError, exhausted } from "../errors.ts";
import type { Notification } from "../versions/notification.ts";
import type { Subject, VersionedSubject } from "../versions/subject.ts";
import { type ConsistencyToken, type ConsistencyTokens, MAX_TOKEN_SUBJECTS } from "../versions/token.ts";
import { isContention, isUnreachable } from "./faults.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Database } from "./orm.ts";
import { createSession, type Session } from "./session.ts";

/** One transaction. What takes a Tx runs inside it and never begins another. */
export type Tx = Session & {
  readonly call: Call;
  /** For entities; flushed before the response is mapped, since versions exist only then. */
  readonly em: SqlEntityManager;
  /** Adds a subject that the write has made or moved: its version belongs into the consistency token. */
  readonly touch: (subject: Subject | VersionedSubject) => void;
};

/** What a write needs before its body runs. */
export type WritePlan<M extends DescMethod> = {
  /** The RPC; its response has a `consistency_token`. */
  readonly method: M;
  readonly request: MessageShape<M["input"]>;
  /** Subjects whose version rows are locked first: the writes of one subject follow one another. */
  readonly subjects: readonly Subject[];
  /** The caller's request_id; empty = none. */
  readonly requestId?: string;
  /** Do everything but the commit: the same checks and the same errors, and nothing stored. */
  readonly validateOnly?: boolean;
  /** Takes out of an answer that would be too large what the caller has sent itself. */
  readonly abridge?: (answer: MessageShape<M["output"]>) => void;
  /** One of several writes of one call: its token stands for the ones before it too. */
  readonly oneOfMany?: boolean;
};

/**
 * Runs one write: one transaction, cancelled with the call, run again (three times at most) when it loses against
 * another one or the connection breaks before COMMIT was sent. So the body may run more than once, and does nothing but
 * SQL. The response gets its consistency token here.
 */
export type Write = <M extends DescMethod>(
  call: Call,
  plan: WritePlan<M>,
  body: (tx: Tx) => Promise<MessageInitShape<M["output"]>>,
) => Promise<MessageInitShape<M["output"]>>;

const ATTEMPTS = 3;
/** Longest that a statement of a write may run: the deadline of a stream is far away. */
const LONGEST_MS = 60_000;

const ascending = (a: Subject, b: Subject): number =>
  a.kind === b.kind ? (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) : a.kind < b.kind ? -1 : 1;

const subjectArrays = (subjects: readonly Subject[]) =>
  sql`unnest(${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ id }) => String(id))}::bigint[])`;

/** Tells the triggers who writes, and bounds every statement by the time that is left. */
const setContext = async (tx: Tx): Promise<void> => {
  const { call } = tx;
  const left = Math.min(LONGEST_MS, Math.max(1, Math.ceil(call.deadline - Date.now())));
  await tx.rows(sql`select
    set_config('userd.caller', ${call.caller.name}, true),
    set_config('userd.acting_user_id', ${call.actingUserId === undefined ? "" : String(call.actingUserId)}, true),
    set_config('userd.request_id', ${call.requestId}, true),
    set_config('statement_timeout', ${String(left)}, true)`);
};

/**
 * Locks version rows in ascending order; unsorted locks deadlock. Subjects without a row get one, of version 0 and of no
 * transaction: this one has still to move it.
 */
const lockSubjects = async (tx: Tx, subjects: readonly Subject[]): Promise<void> => {
  if (subjects.length === 0) return;
  const wanted = subjectArrays([...subjects].sort(ascending));
  const lock = () =>
    tx.rows(sql`select from subject_version s
      where (s.kind, s.id) in (select kind, id from ${wanted} as w (kind, id))
      order by s.kind, s.id for update`);
  const rows = await lock();
  if (rows.length === subjects.length) return;
  await tx.rows(sql`insert into subject_version (kind, id, version, xid)
    select kind, id, 0, '0'::xid8 from ${wanted} as w (kind, id) order by kind, id
    on conflict (kind, id) do nothing`);
  await lock();
};

const isVersioned = (subject: Subject | VersionedSubject): subject is VersionedSubject => "version" in subject;

/** What the write has moved, at the versions that its commit will show. */
const versionsOf = async (tx: Tx, touched: readonly (Subject | VersionedSubject)[]): Promise<Notification> => {
  const subjects = touched.filter((subject) => !isVersioned(subject));
  const rows = await tx.rows(sql<VersionedSubject & { epoch: string }>`
    select e.epoch, w.kind, w.id, coalesce(s.version, 0) as version
    from (select current_epoch() as epoch offset 0) e left join ${subjectArrays(subjects)} as w (kind, id) on true
    left join subject_version s on s.kind = w.kind and s.id = w.id`);
  const read = rows.flatMap(({ kind, id, version }) => (kind === null ? [] : [{ kind, id, version }]));
  return { epoch: rows[0]?.epoch ?? "", subjects: [...read, ...touched.filter(isVersioned)] };
};

/**
 * The token of a write that touches too many subjects to name. Nothing fails a write that is committed: a token of no
 * epoch is as good, since it makes reads strong.
 */
const tokenAfterCommit = async (db: Database, call: Call): Promise<ConsistencyToken> => {
  const now = sql<{ epoch: string; time: number }>`
    select current_epoch() as epoch, extract(epoch from statement_timestamp())::float8 * 1000 as time`;
  const row = await db
    .session(call)
    .row(now)
    .catch(() => undefined);
  return { epoch: "", ...row, subjects: [] };
};

/** Ends a transaction that was to check everything and store nothing: only what is thrown rolls back. */
class ValidatedOnly extends Error {
  override readonly name = "ValidatedOnly";
  readonly answer: unknown;
  constructor(answer: unknown) {
    super("validate_only");
    this.answer = answer;
  }
}

/** What the consistency token takes, which is not known yet, at most. */
const TOKEN_BYTES = 8 * 1024;

/**
 * The message of an answer that can be sent.
 * @throws RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE: before the commit, so that nothing is stored whose answer can't be sent.
 */
const sendable = <M extends DescMethod>(
  { method, abridge }: WritePlan<M>,
  answer: MessageInitShape<M["output"]>,
): MessageShape<M["output"]> => {
  const message = create<M["output"]>(method.output, answer);
  const fits = () => toBinary<M["output"]>(method.output, message).byteLength <= MAX_RESPONSE_BYTES - TOKEN_BYTES;
  if (fits()) return message;
  abridge?.(message);
  if (abridge !== undefined && fits()) return message;
  throw exhausted(
    "RESPONSE_TOO_LARGE",
    `The answer would be larger than ${MAX_RESPONSE_BYTES} bytes, so nothing was stored: send less at once.`,
  );
};

const outcomeUnknown = (cause: unknown): DomainError =>
  new DomainError("OutcomeUnknown", "COMMIT_UNKNOWN", "The outcome of the commit could not be learned; retry with the same request_id.", {
    cause,
  });

/** What a transaction came to. */
type Performed<R> = {
  readonly response: R;
  /** What it has moved; undefined when the answer was given before, and there is nothing to commit. */
  readonly moved: Notification | undefined;
};

/** Makes `write` over a database; `committed` is told what each commit has moved, and never fails. */
export const createWrite = (
  db: Database,
  {
    tokens,
    idempotency,
    committed,
  }: {
    readonly tokens: ConsistencyTokens;
    readonly idempotency: Idempotency;
    readonly committed: (moved: Notification) => void;
  },
): Write => {
  /** All of a write but BEGIN and COMMIT. */
  const perform = async <M extends DescMethod>(
    tx: Omit<Tx, "touch">,
    plan: WritePlan<M>,
    body: (tx: Tx) => Promise<MessageInitShape<M["output"]>>,
  ): Promise<Performed<MessageInitShape<M["output"]>>> => {
    const touched: (Subject | VersionedSubject)[] = [...plan.subjects];
    const { requestId = "" } = plan;
    // Versions are read once for each subject; those that come along are kept, however many: the last one is the highest.
    const touch: Tx["touch"] = (subject) => {
      const isKnown = !isVersioned(subject) && touched.some(({ kind, id }) => kind === subject.kind && id === subject.id);
      if (!isKnown) touched.push(subject);
    };
    const touching: Tx = { ...tx, touch };
    await setContext(touching);
    await lockSubjects(touching, plan.subjects);
    const before = requestId === "" ? undefined : await idempotency.claim(touching, plan.method, requestId, plan.request);
    if (before !== undefined) return { response: before, moved: undefined };
    const answer = sendable(plan, await body(touching));
    if (plan.validateOnly) throw new ValidatedOnly(answer);
    const moved = await versionsOf(touching, touched);
    const isWide = plan.oneOfMany === true || moved.subjects.length > MAX_TOKEN_SUBJECTS;
    const consistencyToken = isWide ? "" : tokens.issue(moved);
    const response = Object.assign(answer, { consistencyToken }) as MessageInitShape<M["output"]>;
    if (requestId !== "") await idempotency.keep(touching, plan.method, requestId, response);
    tx.call.signal.throwIfAborted();
    return { response, moved };
  };

  /** One transaction; the token of a wide write is still missing. */
  const attempt = async <M extends DescMethod>(
    call: Call,
    plan: WritePlan<M>,
    body: (tx: Tx) => Promise<MessageInitShape<M["output"]>>,
  ): Promise<MessageInitShape<M["output"]>> => {
    const abort = db.abort(call);
    const em = db.em.fork({ clear: true, ...abort });
    let failure: { readonly error: unknown } | undefined;
    let commitSent = false;
    try {
      // Not em.begin(): when BEGIN, COMMIT or ROLLBACK fails, its connection never goes back to the pool.
      const { response, moved } = await db.sql.transaction().execute(async (transaction) => {
        try {
          em.setTransactionContext(transaction);
          const performed = await perform({ ...createSession(transaction, abort), call, em }, plan, body);
          commitSent = performed.moved !== undefined;
          return performed;
        } catch (error) {
          failure = { error };
          throw error;
        }
      });
      if (moved !== undefined) committed(moved);
      return response;
    } catch (error) {
      // What ROLLBACK says on a connection that is lost is not why the write failed.
      if (failure?.error instanceof ValidatedOnly) return failure.error.answer as MessageInitShape<M["output"]>;
      if (failure !== undefined) throw failure.error;
      throw commitSent && isUnreachable(error) ? outcomeUnknown(error) : error;
    }
  };

  return async (call, plan, body) => {
    const response = await pRetry(() => attempt(call, plan, body), {
      retries: ATTEMPTS - 1,
      minTimeout: 10,
      factor: 2,
      randomize: true,
      signal: call.signal,
      shouldRetry: ({ error }) => isContention(error) || isUnreachable(error),
    });
    const { consistencyToken } = response as { consistencyToken?: string };
    // A check has written nothing that a token could name.
    return consistencyToken === "" && plan.validateOnly !== true
      ? { ...response, consistencyToken: tokens.issue(await tokenAfterCommit(db, call)) }
      : response;
  };
};
