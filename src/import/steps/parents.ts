import { sql } from "kysely";
import { authProviders } from "../readers/sentry-authprovider.ts";
import { identityProviders } from "../readers/sentry-identityprovider.ts";
import { roles } from "../readers/sentry-userrole.ts";
import type { ImportTx } from "../transaction.ts";
import { matchGroupPermissions } from "./permissions.ts";
import { assignIds, insertRows, keepAbsent, matchRows, moveSequence, skipRepeated, type Target, updateRows } from "./rows.ts";

const role: Target = {
  staging: roles,
  table: "role",
  key: ["name"],
  columns: { create_time: "now()", update_time: "now()" },
  stamps: { version: "t.version + 1" },
  ofSeveralModels: true,
};

const identityProvider: Target = {
  staging: identityProviders,
  table: "identity_provider",
  key: ["type", "external_id"],
  columns: { config: "null", create_time: "now()" },
  stamps: { version: "t.version + 1" },
  ofSeveralModels: true,
};

const authProvider: Target = {
  staging: authProviders,
  table: "auth_provider",
  key: ["organization_id"],
  columns: { provider: "null", config: "null", create_time: "now()", default_role: "null", default_global_access: "false", flags: "0" },
  stamps: { version: "t.version + 1" },
};

/** A role's permissions belong to it: it is updated when they differ, too. */
const matchRolePermissions = (tx: ImportTx) =>
  sql`update import_role s set outcome = 'updated'
    where s.outcome = 'unchanged' and not 'permissions' = any(s.absent)
      and s.permissions <> array(select p.permission::text from role_permission p where p.role_id = s.id order by p.permission)`.execute(
    tx.sql,
    tx.abort,
  );

/** The permissions of a role become those of the file, unless the file leaves them out. */
const writeRolePermissions = async (tx: ImportTx): Promise<void> => {
  await sql`delete from role_permission p using import_role s
    where p.role_id = s.id and not 'permissions' = any(s.absent) and p.permission <> all(s.permissions)`.execute(tx.sql, tx.abort);
  await sql`insert into role_permission (role_id, permission)
    select s.id, permission from import_role s, unnest(s.permissions) as permission order by 1, 2
    on conflict (role_id, permission) do nothing`.execute(tx.sql, tx.abort);
};

/** Writes what users are linked to. It is known by its key here as there; its ids can differ. */
export const mergeParents = async (tx: ImportTx): Promise<void> => {
  for (const target of [role, identityProvider, authProvider]) {
    const match = target.key.map((column) => `t.${column} = s.${column}`).join(" and ");
    await skipRepeated(tx, target.staging, "its name comes again: the highest pk stands", target.key.join(", "), "pk desc");
    await keepAbsent(tx, target, match);
    await matchRows(tx, target, match);
    if (target === role) await matchRolePermissions(tx);
    await assignIds(tx, target);
    await moveSequence(tx, target);
    await updateRows(tx, target);
    await insertRows(tx, target);
  }
  await matchGroupPermissions(tx);
  await writeRolePermissions(tx);
};
