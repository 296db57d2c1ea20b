import { sql } from "kysely";
import { groupPermissions } from "../readers/auth-group.ts";
import { permissionNames } from "../readers/auth-permission.ts";
import { contentTypes } from "../readers/contenttypes-contenttype.ts";
import { permissions } from "../readers/sentry-userpermission.ts";
import { roleMembers } from "../readers/sentry-userroleuser.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { skip, skipRepeated } from "./skip.ts";

/** Skips the links of skipped records: of a conflict, or of an earlier record with the same pk. */
const skipLinksOfSkipped = async (tx: ImportTx): Promise<void> => {
  for (const staging of [roleMembers, permissions]) {
    const isOrphan = "t.pk is null and not exists (select from import_user u where u.record = t.record)";
    await skip(tx, staging, "its user was skipped", isOrphan);
  }
  await skip(tx, groupPermissions, "its group was skipped", "not exists (select from import_role r where r.record = t.record)");
};

/** An export of `auth` alone has no content types. Then their numbers stand for the apps: a codename can be that of several apps. */
const nameThem = (tx: ImportTx) =>
  tx.rows(sql`update import_permission_name p set permission = concat(
    coalesce(p.app_label, (select c.app_label from import_content_type c where c.pk = p.content_type_pk), 'contenttype_' || p.content_type_pk),
    '.', p.codename)`);

const resolve = async (tx: ImportTx): Promise<void> => {
  for (const staging of [permissions, groupPermissions]) {
    if (!isGiven(tx, staging)) continue;
    await tx.rows(sql`update ${sql.table(staging.name)} t set permission = p.permission
      from import_permission_name p where p.pk = t.permission_pk`);
    await skip(tx, staging, "the permission is not in the file", "t.permission is null");
  }
  await skipRepeated(tx, groupPermissions, "the group has it twice", "record, permission", "pk");
};

/** Skips permissions that nobody has: they are names, which are stored only with whoever has them. */
const settleDescriptions = async (tx: ImportTx): Promise<void> => {
  const held = "select permission from import_permission union select permission from import_group_permission";
  await skip(tx, permissionNames, "no group and no user of the file has it", `t.permission not in (${held})`);
  await tx.rows(sql`update import_permission_name set outcome = 'unchanged'`);
  const isNamed = "exists (select from import_permission_name p where p.content_type_pk = t.pk and p.app_label is null)";
  await skip(tx, contentTypes, "no permission that is held is of it", `not ${isNamed}`);
  await tx.rows(sql`update import_content_type set outcome = 'unchanged'`);
  await tx.rows(sql`insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'its content type is not in the file: the number of that stands for the app', permission
    from import_permission_name p
    where app_label is null and not exists (select from import_content_type c where c.pk = p.content_type_pk)`);
};

/**
 * Replaces the primary keys of permissions in staged rows with the names of the permissions (`app_label.codename`), and sets the permissions of
 * the roles that are made from Django's groups.
 */
export const namePermissions = async (tx: ImportTx): Promise<void> => {
  await skipLinksOfSkipped(tx);
  if (isGiven(tx, permissionNames)) await nameThem(tx);
  await resolve(tx);
  if (isGiven(tx, permissionNames) || isGiven(tx, contentTypes)) await settleDescriptions(tx);
  if (!isGiven(tx, groupPermissions)) return;
  await tx.rows(sql`update import_role r set permissions = g.permissions
    from (select record, array_agg(permission::text order by permission) as permissions from import_group_permission group by record) g
    where r.record = g.record`);
};

/**
 * Marks the permissions of Django's groups as unchanged if the groups' roles already have them; the others count as created. Call it after the
 * roles have ids, and before the permissions of roles are written.
 */
export const matchGroupPermissions = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, groupPermissions)) return;
  await tx.rows(sql`update import_group_permission g set role_id = r.id from import_role r where r.record = g.record`);
  await skip(tx, groupPermissions, "its group was skipped", "t.role_id is null");
  await tx.rows(sql`update import_group_permission g set outcome = case
    when exists (select from role_permission p where p.role_id = g.role_id and p.permission = g.permission) then 'unchanged' end`);
};
