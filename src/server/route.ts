import type { DescService } from "@bufbuild/protobuf";
import type { Operations } from "../call.ts";

/** A service of the API, with the operations that answer its RPCs. */
export type Route = { readonly service: DescService; readonly operations: Operations<DescService> };

/** Makes the route of a service: the service together with its operations, whose types have to fit the service. */
export const route = <S extends DescService>(service: S, operations: Operations<S>): Route => ({
  service,
  operations: operations as unknown as Operations<DescService>,
});
