import { type RawBuilder, sql } from "kysely";

/**
 * Makes the SQL subquery for the sources of a user's permission: no row = the user does not have it; `role_name` is null for the user's own
 * grant. Both arguments are columns or values. Join it laterally, so that each source is an index look-up.
 */
export const permissionSources = (userId: RawBuilder<unknown>, permission: RawBuilder<unknown>) => sql<{ role_name: string | null }>`(
  select null as role_name from user_permission p where p.user_id = ${userId} and p.permission = ${permission}
  union all
  select r.name from role_member m
    join role_permission rp on rp.role_id = m.role_id and rp.permission = ${permission}
    join role r on r.id = m.role_id
    where m.user_id = ${userId}
)`;
