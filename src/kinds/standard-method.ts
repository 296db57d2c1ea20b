import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { Dependencies } from "../dependencies.ts";

/** The parts that operations of kinds are made of. */
export type KindDependencies = Pick<Dependencies, "db" | "write" | "freshness" | "pager" | "purgeAfterDays">;

/** Makes the operation that answers a standard RPC of a kind; `also` is what a service that is written by hand adds to it. */
export type StandardMethod<Also = never> = (
  app: KindDependencies,
  kind: Kind,
  method: DescMethodUnary,
  also?: Also,
) => Operation<DescMethodUnary>;

/** The fields of a request that only its descriptor knows. */
export const fieldsOf = <T>(request: object): T => request as T;

/** An answer that only its descriptor knows. */
export const answerOf = (answer: object): MessageInitShape<DescMethodUnary["output"]> =>
  answer as MessageInitShape<DescMethodUnary["output"]>;

/** The field of requests and answers that holds a resource of a kind, by its local name. */
export const resourceField = ({ message }: Kind): string => message.name.charAt(0).toLowerCase() + message.name.slice(1);

/** The field of answers that holds several. */
export const severalField = ({ plural }: Kind): string => plural.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
