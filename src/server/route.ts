import type { DescService } from "@bufbuild/protobuf";
import type { Operations } from "../call.ts";

/** A service, with its operations. */
export type Route = { readonly service: DescService; readonly operations: Operations<DescService> };

/** Ties a service to its operations, whose types have to fit. */
export const route = <S extends DescService>(service: S, operations: Operations<S>): Route => ({
  service,
  operations: operations as unknown as Operations<DescService>,
});
