import type { Operation } from "../call.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { toOptionDefinition } from "./registry/definition.mapping.ts";
import type { OptionRegistry } from "./registry/registry.ts";

/** ListOptionDefinitions: the registry, from memory. */
export const listOptionDefinitions =
  ({ registry }: { registry: OptionRegistry }): Operation<typeof UserOptionService.method.listOptionDefinitions> =>
  () => ({ definitions: registry.list().map(toOptionDefinition) });
