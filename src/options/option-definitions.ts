import type { JsonValue } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE, withinPage } from "../db/page.ts";
import { notFound } from "../errors.ts";
import {
  ListInvalidOptionsRequestSchema,
  ListOptionDefinitionsRequestSchema,
  UserOptionService,
} from "../gen/userd/v1/user_option_service_pb.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { hiddenKeys } from "./key-access.ts";
import { type OptionRow, toUserOption } from "./option.mapping.ts";
import { alive, optionColumns } from "./option.select.ts";
import { toOptionDefinition } from "./registry/definition.mapping.ts";
import type { Definition } from "./registry/definition.ts";
import type { ScopeKind } from "./scope.ts";
import { sentBytes, wireBytes } from "./value.ts";

const { method } = UserOptionService;

/** GetOptionDefinition: reads one definition of the registry from memory. */
export const getOptionDefinition =
  ({ registry }: OptionDependencies): Operation<typeof method.getOptionDefinition> =>
  (_, { key }) => {
    const definition = registry.get(key);
    if (definition === undefined) throw notFound("DEFINITION_NOT_FOUND", "The registry has no definition of this key.");
    return { definition: toOptionDefinition(definition) };
  };

/** The bytes of a definition in an answer, without its schema, which is sent as JSON text. */
const bytesOf = (definition: Definition): number => wireBytes(JSON.parse(JSON.stringify(definition)) as JsonValue);

/** ListOptionDefinitions: reads a page of the registry from memory, ordered by key. */
export const listOptionDefinitions =
  ({ registry, pager }: OptionDependencies): Operation<typeof method.listOptionDefinitions> =>
  (call, request) => {
    const page = pager(call, ListOptionDefinitionsRequestSchema, request, MAX_PAGE_SIZE);
    const [after = ""] = page.after ?? [];
    const following = registry.list().filter(({ key }) => key > after);
    const { rows, nextPageToken } = page.cut(following.slice(0, page.size + 1), ({ key }) => [key], bytesOf);
    return { definitions: rows.map(toOptionDefinition), nextPageToken };
  };

/**
 * ListInvalidOptions: reads a page of options, ordered by id, and returns those that do not fit their definitions. A page before the last may
 * be empty, too.
 */
export const listInvalidOptions =
  ({ db, registry, pager, optionScopes }: OptionDependencies): Operation<typeof method.listInvalidOptions> =>
  async (call, request) => {
    const page = pager(call, ListInvalidOptionsRequestSchema, request);
    const [after = "0"] = page.after ?? [];
    const hidden = hiddenKeys(registry, call);
    const keys = registry.list().flatMap(({ key }) => (hidden.has(key) ? [] : [key]));
    const rows = await db.session(call).rows(
      withinPage(sql<OptionRow>`
      select ${optionColumns} from user_option o
      where o.id > ${after} and o.key = any(${keys}::text[]) and ${alive} and ${optionScopes.live}
      order by o.id limit ${page.size + 1}`),
    );
    const { rows: looked, nextPageToken } = page.cut(
      rows,
      ({ id }) => [id],
      ({ bytes, value }) => sentBytes(bytes, value),
    );
    const invalidOptions = looked.flatMap((row) => {
      const violation = registry.misfit({ key: row.key, value: row.value as JsonValue, scopeKind: row.scope_kind as ScopeKind });
      return violation === undefined ? [] : [{ option: toUserOption(row), violation }];
    });
    return { invalidOptions, nextPageToken };
  };
