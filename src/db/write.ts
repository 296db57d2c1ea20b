import type { DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { SqlEntityManager } from "@mikro-orm/sql";
import type { Call } from "../call.ts";
import type { Aggregate, VersionedAggregate } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";
import type { Answering } from "./answer.ts";
import type { Writer } from "./beginning.ts";
import type { WriteSession } from "./idempotency.ts";
import type { TextQuery, Together, Values } from "./joining.ts";
import type { Session } from "./session.ts";

/** The transaction of a write. A function that takes a `Tx` runs inside that transaction, and never begins another transaction. */
export type Tx = Session & {
  readonly call: Call;
  /** Who writes, for statements that write to the log themselves. */
  readonly writer: Writer;
  /** Returns the ORM's entity manager. Flush it before you make the response of entities, since versions exist only then. */
  readonly em: () => SqlEntityManager;
  /** Records an aggregate that the write has made or changed: its new version is to be in the consistency token. */
  readonly touch: (aggregate: Aggregate | VersionedAggregate) => void;
  /**
   * Checks that the write has locked these aggregates. If not, they have changed since it looked up what to lock, and it runs again, so as
   * not to lock out of order. `what` is a sentence that says what has changed, for the error of the last attempt.
   */
  readonly requireLocked: (aggregates: readonly Aggregate[], what: string) => void;
  /** Runs a statement that does by itself what a write begins and ends with. As the only statement of a write, it is all that is sent before the end. */
  readonly whole: <A extends Ended>(write: WholeWrite<A>) => Promise<A>;
};

/** The transaction of a write before anything is locked. */
export type PlainTx = Omit<Tx, "writer" | "touch" | "requireLocked" | "whole">;

/** A statement that says who writes, locks the aggregate, and tells the epoch and the version of the aggregate in its answer. */
export type WholeWrite<A extends Ended> = {
  readonly aggregate: Aggregate;
  readonly values: (writer: Writer) => Values;
  readonly statement: (values: Values) => TextQuery;
  readonly read: (answer: string) => A;
  /** The way in which it goes with those of other writes, if the plan says that the write may join them. */
  readonly together: Together | undefined;
};

/** The part of the answer of a whole write by which it has ended: the epoch, and the version of its aggregate. */
export type Ended = { readonly epoch: string; readonly version: string };

/**
 * A function that looks up which aggregates to lock before a write's body runs. The body calls `Tx.requireLocked` to find any that were
 * missed.
 */
export type LookUpLocks = (session: Session & Partial<WriteSession>) => Promise<readonly Aggregate[]>;

/** The plan of a write: its RPC, its request, and the aggregates to lock before its body runs. The body is the function that does the work. */
export type WritePlan<M extends DescMethod> = Answering<M> & {
  /** Its fields `request_id` and `validate_only`, where the RPC has them, hold for the write. */
  readonly request: MessageShape<M["input"]>;
  /** The aggregates whose version rows are locked first, so that writes to the same aggregate run one after the other. */
  readonly aggregates: readonly Aggregate[] | LookUpLocks;
  /**
   * True if the token has the time of the commit, since no aggregate tells what was written: records have none, and a token of the last of
   * several writes of one call covers those before it too.
   */
  readonly hasTimeToken?: boolean;
  /**
   * True if the write may go together with others of its caller (together.ts). Its first statement is `Tx.whole`, it seldom sends another one, and it
   * sends all of them through the session.
   */
  readonly mayJoin?: boolean;
  /** Tells whether the answer has a secret: what is kept of it for the `request_id` is encrypted. */
  readonly isSecret?: boolean;
};

/** A function that does the work of a write, under its locks, and makes its answer. */
export type Body<M extends DescMethod> = (tx: Tx) => Promise<MessageInitShape<M["output"]>>;

/**
 * A function that runs a write in one transaction and adds the consistency token to the response. The transaction is cancelled with the
 * call. A failed transaction is repeated: 3 attempts in all when it conflicts with another transaction or the connection breaks before
 * COMMIT, 10 when the set of aggregates to lock has changed. The body must do nothing but SQL, since it may run more than once.
 */
export type Write = <M extends DescMethod>(call: Call, plan: WritePlan<M>, body: Body<M>) => Promise<MessageInitShape<M["output"]>>;

/** The outcome of a transaction. */
export type Performed<R> = {
  readonly response: R;
  /** The aggregates that it has changed; undefined when there is nothing to commit: the answer was given before, or only validated. */
  readonly moved: Notification | undefined;
};
