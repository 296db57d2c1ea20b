import type { Operation } from "../call.ts";
import { notFound } from "../errors.ts";
import type { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { toOptionDefinition } from "./registry/definition.mapping.ts";
import type { OptionRegistry } from "./registry/registry.ts";

/** GetOptionDefinition: reads one definition from memory. */
export const getOptionDefinition =
  ({ registry }: { registry: OptionRegistry }): Operation<typeof UserOptionService.method.getOptionDefinition> =>
  (_, { key }) => {
    const definition = registry.get(key);
    if (definition === undefined) throw notFound("DEFINITION_NOT_FOUND", "The registry has no definition of this key.");
    return { definition: toOptionDefinition(definition) };
  };
