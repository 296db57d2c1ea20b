import type { JsonValue } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { withinPage } from "../db/page.ts";
import { ListInvalidOptionsRequestSchema, type UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { type OptionRow, toUserOption } from "./option.mapping.ts";
import { alive, optionColumns } from "./option.select.ts";
import type { ScopeKind } from "./scope.ts";
import { sentBytes } from "./value.ts";

/**
 * ListInvalidOptions: walks over the options that have a definition, a page at a time, and answers those that do not fit.
 * The registry in memory decides that, not SQL, so a page can be empty.
 */
export const listInvalidOptions =
  ({
    db,
    registry,
    pager,
    optionScopes,
  }: Pick<OptionDependencies, "db" | "registry" | "pager" | "optionScopes">): Operation<
    typeof UserOptionService.method.listInvalidOptions
  > =>
  async (call, request) => {
    const page = pager(call, ListInvalidOptionsRequestSchema, request);
    const [after = "0"] = page.after ?? [];
    const keys = registry.list().map(({ key }) => key);
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
