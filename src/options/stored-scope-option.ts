import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { Scope } from "./scope.ts";
import type { ScopeOptionRow } from "./scope-option.mapping.ts";

/** The columns of a scope option, in the alias `o`. They are named, since a prepared `*` fails when a migration adds a column. */
export const scopeOptionColumns = sql.raw(
  "o.id, o.scope_kind, o.scope_id, o.key, o.value, o.bytes, o.locked, o.create_time, o.update_time, o.version",
);

/** Reads one option of a scope as it is stored. */
export const storedScopeOption = async (
  session: Session,
  { live }: OptionScopes,
  { kind, id }: Scope,
  key: string,
): Promise<ScopeOptionRow | undefined> => {
  return session.row(sql<ScopeOptionRow>`
    select ${scopeOptionColumns} from scope_option o
    where o.scope_kind = ${kind} and o.scope_id = ${id} and o.key = ${key} and ${live}`);
};
