import { sql } from "kysely";

/**
 * Who has which permission by what: `user_id`, `permission`, and `role_name`, which is null for a grant of its own. A
 * deleted user has none, and neither has anybody by being a superuser.
 */
export const heldPermissions = sql<{ user_id: bigint; permission: string; role_name: string | null }>`(
  select p.user_id, p.permission, null as role_name
    from user_permission p join users u on u.id = p.user_id and u.delete_time is null
  union all
  select m.user_id, rp.permission, r.name
    from role_member m join users u on u.id = m.user_id and u.delete_time is null
    join role r on r.id = m.role_id join role_permission rp on rp.role_id = r.id
)`;
