import type { JsonValue } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE } from "../db/page.ts";
import { ListOptionDefinitionsRequestSchema, type UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { toOptionDefinition } from "./registry/definition.mapping.ts";
import type { Definition } from "./registry/definition.ts";
import { wireBytes } from "./value.ts";

/** The bytes of a definition in an answer, without its schema, which is sent as JSON text. */
const bytesOf = (definition: Definition): number => wireBytes(JSON.parse(JSON.stringify(definition)) as JsonValue);

/** ListOptionDefinitions: reads a page of the registry from memory. */
export const listOptionDefinitions =
  ({ registry, pager }: Pick<OptionDependencies, "registry" | "pager">): Operation<typeof UserOptionService.method.listOptionDefinitions> =>
  (call, request) => {
    const page = pager(call, ListOptionDefinitionsRequestSchema, request, MAX_PAGE_SIZE);
    const [after = ""] = page.after ?? [];
    const following = registry.list().filter(({ key }) => key > after);
    const { rows, nextPageToken } = page.cut(following.slice(0, page.size + 1), ({ key }) => [key], bytesOf);
    return { definitions: rows.map(toOptionDefinition), nextPageToken };
  };
