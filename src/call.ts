import type { DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { Permission } from "./permissions.ts";

/** Who calls: a service that presented a token, or `local` on loopback. */
export type Caller = {
  /** The name in the token file; what audit rows and page tokens are bound to. */
  readonly name: string;
  readonly permissions: ReadonlySet<Permission>;
};

/** All that an operation may know of its invocation. Tests and the import use a literal. */
export type Call = {
  /** The RPC, for example `users.v1.UserService/GetUser`. */
  readonly method: string;
  readonly caller: Caller;
  /** The user on whose behalf the caller acts (`x-acting-user-id`). */
  readonly actingUserId?: bigint | undefined;
  /** Aborts at the deadline and when the client goes away. Made when first read: most hits never do. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch. */
  readonly deadline: number;
  /** The caller's `x-request-id`, or a new one; stands in logs and audit rows. Made when first read. */
  readonly requestId: string;
  /** Bound to method and request id. Made when first read. */
  readonly log: Logger;
};

/** A value now, or later: nothing awaits what is not a promise. */
export type MaybePromise<T> = T | Promise<T>;

/** One RPC: the request message in, the response literal out. */
export type Operation<M extends DescMethodUnary> = (
  call: Call,
  request: MessageShape<M["input"]>,
) => MaybePromise<MessageInitShape<M["output"]>>;

/** All RPCs of a service: total, so that an RPC added to the proto and not implemented fails the type check. */
export type Operations<S extends DescService> = {
  readonly [K in keyof S["method"]]: S["method"][K] extends DescMethodUnary ? Operation<S["method"][K]> : never;
};
