import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { Dependencies } from "../dependencies.ts";

/** The part of `Dependencies` that the operations of kinds use. */
export type KindDependencies = Pick<
  Dependencies,
  "permits" | "db" | "write" | "freshness" | "pager" | "purgeAfterDays" | "vault" | "resourcesOf"
>;

/**
 * A function that makes the operation of a standard RPC of a kind; `also` is what a service written by hand adds, such as `FurtherCondition`.
 */
export type StandardMethod<Also = never> = (
  app: KindDependencies,
  kind: Kind,
  method: DescMethodUnary,
  also?: Also,
) => Operation<DescMethodUnary>;

/** Casts a request to a type with the request's fields, which TypeScript does not know: only the descriptor has them. */
export const fieldsOf = <T>(request: object): T => request as T;

/** Casts an answer to the type that operations return, since TypeScript does not know its fields: only the answer's descriptor has them. */
export const answerOf = (answer: object): MessageInitShape<DescMethodUnary["output"]> =>
  answer as MessageInitShape<DescMethodUnary["output"]>;
