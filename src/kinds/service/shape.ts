import type { JsonObject } from "@bufbuild/protobuf";
import type { Reason } from "../../errors.ts";

/** The description of a field of a request or a response, from which a proto file and a descriptor are generated. */
export type FieldShape = {
  readonly name: string;
  readonly number: number;
  /** A scalar type, or the full name of a message or an enum; one without dots is a message of the same package. */
  readonly type: string;
  readonly comment: string;
  readonly isRepeated?: boolean;
  /** It tells a default from its absence. */
  readonly isOptional?: boolean;
  readonly isRequired?: boolean;
  /** The rules of `buf.validate.field`, as their JSON with names as in the proto. */
  readonly rules?: JsonObject;
};

/** The description of a message: a request, a response, or a key in a request. */
export type MessageShape = {
  readonly name: string;
  readonly comment: string;
  /** The name of a group of fields of which a request has exactly one. */
  readonly oneOf?: { readonly name: string; readonly comment: string; readonly fields: readonly FieldShape[] };
  readonly fields: readonly FieldShape[];
};

/** The description of a standard RPC, whose messages are named `<name>Request` and `<name>Response`. */
export type MethodShape = {
  readonly name: string;
  readonly comment: string;
  readonly permission: string;
  /** Who an acting user has to be: the name of an ActingNeed without its beginning. */
  readonly acting: "RESOURCE" | "ADMINISTRATOR";
  readonly isRead: boolean;
  /** It writes many resources, so its requests may be larger. */
  readonly isBatch: boolean;
  readonly reasons: readonly Reason[];
};

/** The description of the service of a family, with the messages of its RPCs. */
export type ServiceShape = {
  readonly name: string;
  readonly comment: string;
  readonly methods: readonly MethodShape[];
  readonly messages: readonly MessageShape[];
};
