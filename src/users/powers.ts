import { type RawBuilder, sql } from "kysely";
import type { Tx } from "../db/write.ts";
import { type DomainError, forbidden } from "../errors.ts";
import { permissionSources } from "../roles/permission-sources.ts";

const ids = (values: readonly unknown[]) => sql`${values.map(String)}::bigint[]`;

/** The permissions of the user `t`, its own and those of its roles. */
const permissionsOfT = sql`(
  select p.permission from user_permission p where p.user_id = t.id
  union
  select rp.permission from role_member m join role_permission rp on rp.role_id = m.role_id where m.user_id = t.id)`;

/** Makes the SQL condition that the user `u` has the permission users.admin. */
export const administers: RawBuilder<boolean> = sql`exists (select from ${permissionSources(sql`u.id`, sql`'users.admin'`)} source)`;

/** Makes the SQL condition that one of these users has a flag or a permission that the user `u` lacks. */
export const anyIsAbove = (users: readonly unknown[]): RawBuilder<boolean> => sql`exists (
  select from users t where t.id = any(${ids(users)}) and t.id <> u.id and (
    (t.is_superuser and not u.is_superuser) or (t.is_staff and not (u.is_staff or u.is_superuser)) or exists (
      select from ${permissionsOfT} theirs
      where not exists (select from ${permissionSources(sql`u.id`, sql`theirs.permission`)} mine))))`;

/** Makes the SQL condition that one of these users is a superuser or staff, or has a permission. */
export const anyHasPower = (users: readonly unknown[]): RawBuilder<boolean> => sql`exists (
  select from users t where t.id = any(${ids(users)}) and (t.is_superuser or t.is_staff or exists (select from ${permissionsOfT} theirs)))`;

/** Makes the SQL condition that the user `u` is staff of an account of the user with this id. */
export const isStaffOf = (id: RawBuilder<unknown>): RawBuilder<boolean> => sql`(u.is_staff and exists (
  select from user_profile mine join user_profile theirs on theirs.account_id = mine.account_id
  where mine.user_id = u.id and theirs.user_id = ${id}))`;

/** Makes the SQL condition that each of these users is the user `u`, or one that it is staff of an account of. */
export const isStaffOfAll = (users: readonly unknown[]): RawBuilder<boolean> => sql`(u.is_staff and not exists (
  select from unnest(${ids(users)}) w (id) where w.id <> u.id and not ${isStaffOf(sql`w.id`)}))`;

const outOfReach = (): DomainError =>
  forbidden("PERMISSION_REQUIRED", "The user is another one than the acting user, or has more power.", {
    metadata: { permission: "users.admin" },
  });

/**
 * Checks that a call may change what decides who can sign in as a user, as the need USER_CREDENTIALS does. Call it in the transaction of a write
 * that affects another user than those that its request names.
 * @throws PERMISSION_DENIED PERMISSION_REQUIRED.
 */
export const requirePowerOver = async (tx: Tx, userId: bigint): Promise<void> => {
  const { actingUserId: self, caller } = tx.call;
  if (self === userId || (self === undefined && caller.permissions.has("users.admin"))) return;
  const { may } =
    self === undefined
      ? await tx.one(sql<{ may: boolean }>`select not ${anyHasPower([userId])} as may`)
      : await tx.one(sql<{ may: boolean }>`select exists (
          select from users u where u.id = ${self} and (${administers} or (u.is_superuser and not ${anyIsAbove([userId])}))) as may`);
  if (!may) throw outOfReach();
};

/** Checks that the acting user, if the call has one, is an administrator. Throws PERMISSION_DENIED PERMISSION_REQUIRED. */
export const requireAdministrator = async (tx: Tx, what: string): Promise<void> => {
  const { actingUserId: self } = tx.call;
  if (self === undefined) return;
  const rows = await tx.rows(sql`select from users u where u.id = ${self} and (u.is_superuser or ${administers})`);
  if (rows.length === 0) throw forbidden("PERMISSION_REQUIRED", `The acting user is no administrator, who alone may change ${what}.`);
};
