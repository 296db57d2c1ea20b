import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import { camelCase } from "../contract/kinds/methods.ts";
import type { Dependencies } from "../dependencies.ts";

/** The dependencies of the operations of kinds. */
export type KindDependencies = Pick<Dependencies, "db" | "write" | "freshness" | "pager" | "purgeAfterDays">;

/** A function that makes the operation of a standard RPC of a kind; `also` is what a service written by hand adds to it. */
export type StandardMethod<Also = never> = (
  app: KindDependencies,
  kind: Kind,
  method: DescMethodUnary,
  also?: Also,
) => Operation<DescMethodUnary>;

/** Casts a request to a type with its fields: only the descriptor of the request knows these. */
export const fieldsOf = <T>(request: object): T => request as T;

/** Casts an answer to the type that operations return: only its descriptor knows its fields. */
export const answerOf = (answer: object): MessageInitShape<DescMethodUnary["output"]> =>
  answer as MessageInitShape<DescMethodUnary["output"]>;

/** Returns the local name of the field that holds a resource of a kind in requests and answers. */
export const resourceField = ({ message }: Kind): string => message.name.charAt(0).toLowerCase() + message.name.slice(1);

/** Returns the local name of the field that holds several resources of a kind in answers. */
export const severalField = ({ plural }: Kind): string => camelCase(plural);
