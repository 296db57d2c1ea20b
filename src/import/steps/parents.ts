import { sql } from "kysely";
import { organizations } from "../readers/organization-staging.ts";
import { authProviders } from "../readers/sentry-authprovider.ts";
import { identityProviders } from "../readers/sentry-identityprovider.ts";
import { roles } from "../readers/sentry-userrole.ts";
import { isGiven } from "../staging.ts";
import { type ImportTx, isForeign } from "../transaction.ts";
import { matchGroupPermissions } from "./permissions.ts";
import { resolveReference } from "./references.ts";
import { assignIds, insertRows, keepAbsent, matchRows, sameKey, updateRows } from "./rows.ts";
import { skipRepeated } from "./skip.ts";
import { IMPORTER, STANDS, sqlAbout, sqlDiffering } from "./stands.ts";
import type { Target } from "./target.ts";

const role: Target = {
  staging: roles,
  key: ["name"],
  columns: { create_time: "now()", update_time: "now()" },
  stamps: { version: "t.version + 1" },
  stamp: { column: "update_time" },
};

const identityProvider: Target = {
  staging: identityProviders,
  key: ["type", "external_id"],
  columns: { config: "null", create_time: "now()" },
  stamps: { version: "t.version + 1" },
};

const authProvider: Target = {
  staging: authProviders,
  key: ["organization_id"],
  columns: { provider: "null", config: "null", create_time: "now()", default_role: "null", default_global_access: "false", flags: "0" },
  stamps: { version: "t.version + 1" },
};

const permissionsDiffer = (roleId: string) => sql`not 'permissions' = any(s.absent)
  and s.permissions <> array(select p.permission::text from role_permission p where p.role_id = ${sql.raw(roleId)} order by p.permission)`;

const KEPT = "it is here, and the file has no say in it";

/** Providers let users in: those that are here stay as they are, whatever the file of another installation says of them. */
const keepForeign = (tx: ImportTx, { staging, columns }: Target, match: string) => {
  const names = Object.keys(columns);
  return tx.rows(
    sql.raw(`
    with compared as materialized (
      select s.ctid as place, array(select name from unnest(${sqlDiffering(names)}) name where name <> all(s.absent)) as columns
      from ${staging.name} s join ${staging.table} t on ${match}
    ), kept as (
      update ${staging.name} s set absent = s.absent || '{${names.join(",")}}'::text[] from compared c where s.ctid = c.place
      returning s.model, s.record, s.pk, c.columns
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, '${KEPT}', ${sqlAbout("array_to_string(columns, ', ')")} from kept where columns <> '{}'`),
  );
};

/** The permissions of a role stand that is newer here; without a time stamp, if their last change was not made by an import. */
const keepPermissions = (tx: ImportTx) =>
  tx.rows(sql`
    with stands as (
      update import_role s set absent = s.absent || '{permissions}'::text[] from role t
      where t.name = s.name and ${permissionsDiffer("t.id")} and case
        when ${isForeign(tx)}::boolean then true
        when not 'update_time' = any(s.absent) and s.update_time <> t.update_time then t.update_time > s.update_time
        else (
          select c.caller <> ${IMPORTER} from changes c
          where c.aggregate_kind = 'roles' and c.aggregate_id = 0 and c.kind = 'role_permission' and starts_with(c.key, t.id || '/')
          order by c.id desc limit 1) end
      returning s.model, s.record, s.pk
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, ${isForeign(tx) ? KEPT : STANDS}, ${sql.raw(sqlAbout("'permissions'"))} from stands`);

/** A role's permissions belong to it: it is updated when they differ, too. */
const matchRolePermissions = (tx: ImportTx) =>
  tx.rows(sql`update import_role s set outcome = 'updated' where s.outcome = 'unchanged' and ${permissionsDiffer("s.id")}`);

/** The permissions of a role become those of the file, unless the file leaves them out. */
const writeRolePermissions = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`delete from role_permission p using import_role s
    where s.outcome is distinct from 'unchanged' and p.role_id = s.id and not 'permissions' = any(s.absent) and p.permission <> all(s.permissions)`);
  await tx.rows(sql`insert into role_permission (role_id, permission)
    select s.id, permission from import_role s, unnest(s.permissions) as permission
    where s.outcome is distinct from 'unchanged' and not 'permissions' = any(s.absent) order by 1, 2
    on conflict (role_id, permission) do nothing`);
};

/** Writes roles, identity providers and sign-in providers: updates those whose key, such as a role's name, is stored, and inserts the others. */
export const mergeParents = async (tx: ImportTx): Promise<void> => {
  for (const target of [role, identityProvider, authProvider]) {
    if (!isGiven(tx, target.staging)) continue;
    if (target === authProvider) await resolveReference(tx, authProviders, "organization_id", organizations);
    const match = sameKey(target);
    await skipRepeated(tx, target.staging, "its name comes again: the highest pk stands", target.key.join(", "), "pk desc");
    if (target === role && (!tx.overwrite || isForeign(tx))) await keepPermissions(tx);
    if (target !== role && tx.onConflict === "merge") await keepForeign(tx, target, match);
    await keepAbsent(tx, target, match);
    await matchRows(tx, target, match);
    if (target === role) await matchRolePermissions(tx);
    await assignIds(tx, target);
    await updateRows(tx, target);
    await insertRows(tx, target);
  }
  await matchGroupPermissions(tx);
  if (isGiven(tx, roles)) await writeRolePermissions(tx);
};
