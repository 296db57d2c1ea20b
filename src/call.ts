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
import type { Permission } from "./permissions.ts";

/** The caller: a service that presented a token, or `local` on loopback. */
export type Caller = {
  /** The name in the token file; what audit rows and page tokens are bound to. */
  readonly name: string;
  readonly permissions: ReadonlySet<Permission>;
};

/** All that an operation may know of its invocation. Tests and the import use a literal. */
export type Call = {
  /** The RPC, for example `userd.v1.UserService/GetUser`. */
  readonly method: string;
  readonly caller: Caller;
  /** The user on whose behalf the caller acts (`x-acting-user-id`). */
  readonly actingUserId?: bigint | undefined;
  /** Aborts at the deadline and when the client goes away. Made when first read: most hits never do. */
  readonly signal: AbortSignal;
  /** The moment that the caller stops waiting, in milliseconds since the epoch. Far away for a stream: it has an idle limit instead. */
  readonly deadline: number;
  /** The caller's `x-request-id`, or a new one; stands in logs and audit rows. Made when first read. */
  readonly requestId: string;
  /** Bound to method and request id. Made when first read. */
  readonly log: Logger;
};

/** The largest answer, in bytes of the binary format. */
export const MAX_RESPONSE_BYTES = 3 * 1024 * 1024;

/** A value now, or later: nothing awaits what is not a promise. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value: at once when it is there, so that an answer from memory makes no promise. */
export const whenReady = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value);

/** The same with two values, which are waited for together. */
export const whenBoth = <A, B, R>(a: MaybePromise<A>, b: MaybePromise<B>, next: (a: A, b: B) => MaybePromise<R>): MaybePromise<R> =>
  a instanceof Promise || b instanceof Promise ? Promise.all([a, b]).then(([one, two]) => next(one, two)) : next(a, b);

/** One RPC: the request message in, the response literal out. */
export type Operation<M extends DescMethodUnary> = (
  call: Call,
  request: MessageShape<M["input"]>,
) => MaybePromise<MessageInitShape<M["output"]>>;

/** One RPC that answers with a stream: a response is asked for when the client has taken the one before. */
export type ServerStreamOperation<M extends DescMethodServerStreaming> = (
  call: Call,
  request: MessageShape<M["input"]>,
) => AsyncIterable<MessageInitShape<M["output"]>>;

/** One RPC that is asked by a stream: a message is received when the operation asks for it. */
export type ClientStreamOperation<M extends DescMethodClientStreaming> = (
  call: Call,
  requests: AsyncIterable<MessageShape<M["input"]>>,
) => Promise<MessageInitShape<M["output"]>>;

/** The shape of the operation of a method. */
export type OperationOf<M extends DescMethod> = M extends DescMethodUnary
  ? Operation<M>
  : M extends DescMethodServerStreaming
    ? ServerStreamOperation<M>
    : M extends DescMethodClientStreaming
      ? ClientStreamOperation<M>
      : never;

/** All RPCs of a service: total, so that an RPC added to the proto and not implemented fails the type check. */
export type Operations<S extends DescService> = { readonly [K in keyof S["method"]]: OperationOf<S["method"][K]> };
