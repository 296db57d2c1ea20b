import { sql } from "kysely";
import { scopeOptions } from "../readers/scope-option-staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { resolveScopes } from "./references.ts";
import { freshIds, matchRows, preparePlans, sameKey, updateRows } from "./rows.ts";
import { skipRepeated } from "./skip.ts";
import { skipRemoved } from "./stands.ts";
import type { Target } from "./target.ts";

const target: Target = {
  staging: scopeOptions,
  key: ["scope_kind", "scope_id", "key"],
  columns: { value: "null", update_time: "now()" },
  stamps: { version: "t.version + 1" },
  stamp: { column: "update_time" },
};

/** Locks the versions of all organizations and projects of the file, in ascending order and before those of users, as every write does. */
export const lockScopes = (tx: ImportTx) =>
  tx.rows(sql`insert into aggregate_version as s (kind, id, version, xid)
    select kind, id, 0, '0'::xid8 from (
      select (array['global', 'organization', 'project'])[scope_kind + 1] collate "C" as kind, scope_id as id from import_scope_option
      union select 'organization', pk from import_organization
      union select 'organization', organization_pk from import_project
      union select 'organization', organization_pk from import_team
      union select 'organization', organization_pk from import_member
      union select 'project', pk from import_project
      -- What an earlier import stored under other ids.
      union select 'organization', o.id from import_origin o join import_organization s on s.pk = o.pk where o.kind = 'organization'
      union select 'project', o.id from import_origin o join import_project s on s.pk = o.pk where o.kind = 'project'
    ) touched where id >= 0 order by kind, id
    -- Never true, but the row is locked before that is seen.
    on conflict (kind, id) do update set version = s.version where false`);

/**
 * Writes the global options, and the options of organizations and projects. Whether an option is locked does not change, since a file has no
 * locks.
 */
export const mergeScopeOptions = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, scopeOptions)) return;
  await resolveScopes(tx, scopeOptions);
  const order = "update_time desc nulls last, pk desc, record desc";
  await skipRepeated(tx, scopeOptions, "the option has several rows: the last one that was updated stands", target.key.join(", "), order);
  const match = sameKey(target);
  // A value that is here already, and of which the file does not say since when, stays as it is.
  await tx.rows(sql`update import_scope_option s set update_time = t.update_time from scope_option t
    where s.update_time is null and ${sql.raw(match)} and t.value = s.value`);
  await tx.rows(sql`update import_scope_option set update_time = now() where update_time is null`);
  await matchRows(tx, target, match);
  await skipRemoved(tx, target);
  // Ids of several models can be the same: all new rows get others.
  await freshIds(tx, scopeOptions);
  await updateRows(tx, target);
  await preparePlans(tx);
  await tx.rows(sql`insert into scope_option (id, scope_kind, scope_id, key, value, create_time, update_time)
    select id, scope_kind, scope_id, key, value, update_time, update_time
    from import_scope_option where outcome is null order by id`);
};
