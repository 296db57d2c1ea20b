import type {
  DescMethod,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { DomainError } from "./errors.ts";

/** A rate of calls: so many a second, and so many at once after a pause. */
export type Rate = { readonly perSecond: number; readonly burst: number };

/** The limits that the callers' file sets for one caller. */
export type CallerLimits = {
  /** The most calls of the caller in progress at once in one process; undefined = no limit of its own. */
  readonly concurrency: number | undefined;
  /** The rates of calls, keyed by the name of a permission, for the RPCs that need it, or `all`. */
  readonly rates: ReadonlyMap<string, Rate>;
};

/**
 * A caller: a service that presented a token or a certificate, or `local` on loopback. A caller is a new object when the callers' file is
 * read again, and for each token of an issuer: what is kept for a caller is kept by its name.
 */
export type Caller = {
  /** The name in the callers' file. Audit rows and page tokens are bound to it. */
  readonly name: string;
  readonly permissions: ReadonlySet<string>;
  /** `self`: the caller may act only for the acting user of a call, on what is that user's own. Undefined = no such bound. */
  readonly actsAs?: "self" | undefined;
  /** The weight of the caller's share of a full server, from 1 to 100. Undefined = 1. */
  readonly weight?: number | undefined;
  readonly limits?: CallerLimits | undefined;
};

/** One invocation of an RPC: the caller, the deadline, and all else that the operation may know of it. */
export type Call = {
  /** The name of the RPC, for example `userd.v1.UserService/GetUser`. */
  readonly method: string;
  readonly caller: Caller;
  /** The user on whose behalf the caller acts (`x-acting-user-id`). */
  readonly actingUserId?: bigint | undefined;
  /** The signal that aborts at the deadline or when the client goes away. It is made when first read; most cache hits never read it. */
  readonly signal: AbortSignal;
  /** Calls a listener when `signal` aborts, or now if it has. It makes no signal, which costs more than waiting for a row. */
  readonly onAbort?: (listener: () => void) => void;
  /** The time when the caller stops waiting, in milliseconds since the epoch. That of a stream is far away: an idle limit ends a stream. */
  readonly deadline: number;
  /** The caller's `x-request-id`, or a new one; logs and audit rows have it. Made when it is first read. */
  readonly requestId: string;
  /**
   * The reason of a change (`x-change-reason`), which the audit entries of a write have; undefined = the caller gave none. It is read and checked
   * when it is first asked for, by writes.
   * @throws INVALID_ARGUMENT FIELD_INVALID for one that is too long, or has control characters.
   */
  readonly reason?: string | undefined;
  /** The log of the call, bound to method and request id. Made when it is first read. */
  readonly log: Logger;
  /** Sets the error with which a stream ends when its client takes nothing for too long. Default: DEADLINE_PASSED. */
  readonly onStall?: (error: () => DomainError) => void;
  /** Tells whether the connection takes no more calls and is about to end. */
  readonly isLeaving?: () => boolean;
};

/** The most bytes that an answer may have in the binary format: 3 MiB. */
export const MAX_RESPONSE_BYTES = 3 * 1024 * 1024;

/** A value, or a promise of one. `whenReady` uses a value at once, and awaits only a promise. */
export type MaybePromise<T> = T | Promise<T>;

/** Returns `next(value)`. It awaits the value only if that is a promise, so that an answer from memory makes no promise. */
export const whenReady = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value);

/** Returns `next(a, b)`. It awaits the two values only if one of them is a promise. */
export const whenBoth = <A, B, R>(a: MaybePromise<A>, b: MaybePromise<B>, next: (a: A, b: B) => MaybePromise<R>): MaybePromise<R> =>
  a instanceof Promise || b instanceof Promise ? Promise.all([a, b]).then(([one, two]) => next(one, two)) : next(a, b);

/** A function that answers a unary RPC: it takes the call and the request message, and returns the response as a plain object. */
export type Operation<M extends DescMethodUnary> = (
  call: Call,
  request: MessageShape<M["input"]>,
) => MaybePromise<MessageInitShape<M["output"]>>;

/** A function that answers an RPC by a stream. The server asks for the next response when the client has taken the one before. */
export type ServerStreamOperation<M extends DescMethodServerStreaming> = (
  call: Call,
  request: MessageShape<M["input"]>,
) => AsyncIterable<MessageInitShape<M["output"]>>;

/** A function that answers an RPC whose request is a stream. The client's next message is read only when the function asks for it. */
export type ClientStreamOperation<M extends DescMethodClientStreaming> = (
  call: Call,
  requests: AsyncIterable<MessageShape<M["input"]>>,
) => Promise<MessageInitShape<M["output"]>>;

/** The type of the function that answers an RPC: `Operation`, or for streams `ServerStreamOperation` or `ClientStreamOperation`. */
export type OperationOf<M extends DescMethod> = M extends DescMethodUnary
  ? Operation<M>
  : M extends DescMethodServerStreaming
    ? ServerStreamOperation<M>
    : M extends DescMethodClientStreaming
      ? ClientStreamOperation<M>
      : never;

/** The functions that answer the RPCs of a service, keyed by the name of the method. The type check fails if one is missing. */
export type Operations<S extends DescService> = { readonly [K in keyof S["method"]]: OperationOf<S["method"][K]> };
