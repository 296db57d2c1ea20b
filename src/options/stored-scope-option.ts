import { type Kysely, sql } from "kysely";
import type { AbortOptions, Schema } from "../db/orm.ts";
import type { Scope } from "./scope.ts";
import type { ScopeOptionRow } from "./scope-option.mapping.ts";

/** Where a statement runs: in a transaction, or on its own. */
type Run = { readonly sql: Kysely<Schema>; readonly abort: AbortOptions };

/** One option of a scope, as it is stored. */
export const storedScopeOption = async (run: Run, { kind, id }: Scope, key: string): Promise<ScopeOptionRow | undefined> => {
  const { rows } = await sql<ScopeOptionRow>`
    select * from scope_option where scope_kind = ${kind} and scope_id = ${id} and key = ${key}`.execute(run.sql, run.abort);
  return rows[0];
};
