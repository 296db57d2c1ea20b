import { type DescMethod, getOption, type Message } from "@bufbuild/protobuf";
import { type Call, MAX_RESPONSE_BYTES, type MaybePromise } from "../call.ts";
import { actingFault } from "../contract/acting.ts";
import { isRead, readsFault } from "../contract/reads.ts";
import { batch_write, permission, waits } from "../gen/userd/v1/options_pb.ts";
import { permissions } from "../permissions.ts";
import type { Route } from "./route.ts";

const MiB = 1024 * 1024;

/** The largest request of an RPC that writes many entries (option `batch_write`), in bytes: 4 MiB. No port may have a lower limit. */
export const maxBatchRequestBytes = 4 * MiB;

/** The largest response, in bytes of the binary format. */
export const maxResponseBytes = MAX_RESPONSE_BYTES;

/** The longest that a unary call may take, in milliseconds, whatever deadline the client sends. */
export const maxTimeoutMs = 60_000;

/** The time in which a request has to arrive, in milliseconds, whatever deadline the client sends: the longest default deadline. */
export const requestPatienceMs = 10_000;

/** The longest that a stream may take, in milliseconds; it ends much earlier when nothing moves on it. */
const maxStreamMs = 24 * 3_600_000;

/** The time after which a stream on which nothing moves ends, in milliseconds. */
const streamIdleMs = 30_000;

/** An operation (the function that answers one RPC) of any kind. `Rpc.kind` says which of its arguments and results are streams. */
export type AnyOperation = (call: Call, request: Message | AsyncIterable<Message>) => MaybePromise<object> | AsyncIterable<object>;

/** All that the server knows of one RPC, prepared once at start-up. */
export type Rpc = {
  readonly method: DescMethod;
  /** The kind of the RPC: whether its request or its response is a stream. */
  readonly kind: Exclude<DescMethod["methodKind"], "bidi_streaming">;
  readonly operation: AnyOperation;
  /** The name of the RPC in metrics and logs, for example `userd.v1.UserService/GetUser`. */
  readonly name: string;
  readonly permission: string;
  /** The time of a call when the client sends no deadline, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** The longest time that a client may ask for, in milliseconds. */
  readonly maxTimeoutMs: number;
  /** The time after which a stream on which nothing moves ends, in milliseconds; undefined for RPCs without streams. */
  readonly idleMs: number | undefined;
  /** The most bytes of a request, or of one message of a stream. */
  readonly maxRequestBytes: number;
  /** Tells whether the RPC is a stream that mostly waits: it takes no place among the calls in progress. */
  readonly waits: boolean;
  /** Tells whether it changes nothing. */
  readonly isRead: boolean;
};

/** The two conversions of a transport: from the data received to a request message, and from an operation's response to the data to send. */
export type Codec = {
  /** Decodes a request. Throws a DomainError when it is malformed or too large. */
  readonly decode: (received: unknown) => Message;
  /** Encodes a response. Throws a DomainError when it is too large. */
  readonly encode: (response: object) => unknown;
};

const limitsOf = (method: DescMethod): Pick<Rpc, "defaultTimeoutMs" | "maxTimeoutMs" | "idleMs" | "maxRequestBytes"> => {
  const maxRequestBytes = getOption(method, batch_write) ? maxBatchRequestBytes : MiB;
  if (method.methodKind !== "unary") {
    return { defaultTimeoutMs: maxStreamMs, maxTimeoutMs: maxStreamMs, idleMs: streamIdleMs, maxRequestBytes };
  }
  const defaultTimeoutMs = getOption(method, batch_write) ? 10_000 : isRead(method) ? 1_000 : 3_000;
  return { defaultTimeoutMs, maxTimeoutMs, idleMs: undefined, maxRequestBytes };
};

/**
 * Makes the list of the RPCs of all routes, each with the permission and the limits that follow from its method options in the proto.
 * @param known the names of all permissions that exist.
 * @throws Error that names each RPC that can't be served, such as one without a known permission, or a read without the option `reads`.
 */
export const prepareRpcs = (routes: readonly Route[], known: readonly string[] = permissions): readonly Rpc[] => {
  const faults: string[] = [];
  const rpcs = routes.flatMap(({ service, operations }) =>
    service.methods.flatMap((method): Rpc[] => {
      const name = `${service.typeName}/${method.name}`;
      const needed = getOption(method, permission);
      const unread = readsFault(method);
      const unruled = actingFault(method);
      const operation = operations[method.localName] as AnyOperation | undefined;
      if (!known.includes(needed)) {
        faults.push(`${name} ${needed ? `names the unknown permission "${needed}"` : "has no (userd.v1.permission)"}`);
      } else if (unread !== undefined) {
        faults.push(`${name} ${unread}`);
      } else if (unruled !== undefined) {
        faults.push(`${name} ${unruled}`);
      } else if (method.methodKind === "bidi_streaming") {
        faults.push(`${name} is a stream in both directions; interceptors run streams in one`);
      } else if (operation === undefined) {
        faults.push(`${name} has no operation`);
      } else {
        return [
          {
            method,
            kind: method.methodKind,
            operation,
            name,
            permission: needed,
            waits: getOption(method, waits),
            isRead: isRead(method),
            ...limitsOf(method),
          },
        ];
      }
      return [];
    }),
  );
  if (faults.length > 0) throw new Error(`The API can't be served:\n${faults.join("\n")}`);
  return rpcs;
};
