import { type Kysely, sql } from "kysely";
import type { AbortOptions, Schema } from "../db/orm.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { Scope } from "./scope.ts";
import type { ScopeOptionRow } from "./scope-option.mapping.ts";

/** Where a statement runs: in a transaction, or on its own. */
type Run = { readonly sql: Kysely<Schema>; readonly abort: AbortOptions };

/** The columns of a scope option, in the alias `o`. Named: a prepared `*` fails when a migration adds a column meanwhile. */
export const scopeOptionColumns = sql.raw(
  "o.id, o.scope_kind, o.scope_id, o.key, o.value, o.bytes, o.locked, o.create_time, o.update_time, o.version",
);

/** One option of a scope, as it is stored. */
export const storedScopeOption = async (
  run: Run,
  { live }: OptionScopes,
  { kind, id }: Scope,
  key: string,
): Promise<ScopeOptionRow | undefined> => {
  const { rows } = await sql<ScopeOptionRow>`
    select ${scopeOptionColumns} from scope_option o
    where o.scope_kind = ${kind} and o.scope_id = ${id} and o.key = ${key} and ${live}`.execute(run.sql, run.abort);
  return rows[0];
};
