import { type DescMethod, type DescMethodUnary, getOption, type Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Operation } from "../call.ts";
import { batch_write, permission } from "../gen/users/v1/options_pb.ts";
import { isPermission, type Permission } from "../permissions.ts";
import type { Route } from "../routes.ts";

const MiB = 1024 * 1024;

/** The largest request of a `batch_write` RPC, in bytes; what the listeners must let through. */
export const maxBatchRequestBytes = 4 * MiB;

/** The largest response, in bytes of the binary format. */
export const maxResponseBytes = 3 * MiB;

/** The longest that a call may take, in milliseconds, whatever deadline the client sends. */
export const maxTimeoutMs = 60_000;

/** All that the server knows of one RPC, prepared once at start-up. */
export type Rpc = {
  readonly method: DescMethodUnary;
  readonly operation: Operation<DescMethodUnary>;
  /** For example `users.v1.UserService/GetUser`: the label of metrics and logs. */
  readonly name: string;
  readonly permission: Permission;
  /** The deadline when the client sends none, in milliseconds. */
  readonly defaultTimeoutMs: number;
  readonly maxRequestBytes: number;
};

/** How a transport turns what it received into the request message, and the operation's literal into what it sends. */
export type Codec = {
  /** @throws DomainError when the bytes are malformed or too many. */
  readonly decode: (received: unknown) => Message;
  /** @throws DomainError when the response is too large. */
  readonly encode: (response: object) => unknown;
};

const limitsOf = (method: DescMethod): Pick<Rpc, "defaultTimeoutMs" | "maxRequestBytes"> => {
  if (getOption(method, batch_write)) return { defaultTimeoutMs: 10_000, maxRequestBytes: maxBatchRequestBytes };
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return { defaultTimeoutMs: isRead ? 1_000 : 3_000, maxRequestBytes: MiB };
};

/**
 * Reads the method options of all RPCs.
 * @throws Error naming every RPC that has no permission, or an unknown one: no RPC is open by accident.
 */
export const prepareRpcs = (routes: readonly Route[]): readonly Rpc[] => {
  const faults: string[] = [];
  const rpcs = routes.flatMap(({ service, operations }) =>
    service.methods.flatMap((method): Rpc[] => {
      const name = `${service.typeName}/${method.name}`;
      const needed = getOption(method, permission);
      const operation = operations[method.localName] as Operation<DescMethodUnary> | undefined;
      if (!isPermission(needed)) {
        faults.push(`${name} ${needed ? `names the unknown permission "${needed}"` : "has no (users.v1.permission)"}`);
      } else if (method.methodKind !== "unary") {
        faults.push(`${name} is a stream; the chain runs unary RPCs`);
      } else if (operation === undefined) {
        faults.push(`${name} has no operation`);
      } else {
        return [{ method: method as DescMethodUnary, operation, name, permission: needed, ...limitsOf(method) }];
      }
      return [];
    }),
  );
  if (faults.length > 0) throw new Error(`The API can't be served:\n${faults.join("\n")}`);
  return rpcs;
};
