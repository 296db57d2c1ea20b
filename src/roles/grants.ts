import { type RawBuilder, sql } from "kysely";
import type { MaybePromise, Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { writableUser } from "../users/writable-user.ts";
import { rolesAggregate, userAggregate } from "../versions/aggregate.ts";
import { storedRole } from "./roles.ts";

const { method } = UserService;

/** Runs a statement that changes a user's roles or permissions; returns whether it changed something. */
const granted = async (tx: Tx, userId: bigint, statement: () => MaybePromise<RawBuilder<unknown>>): Promise<boolean> => {
  await requirePermission(tx, "users.admin");
  await writableUser(tx, userId);
  return (await tx.affected(await statement())) > 0;
};

/** AssignRole: gives a role to a user. */
export const assignRole =
  ({ write }: Dependencies): Operation<typeof method.assignRole> =>
  (call, request) => {
    const { userId, roleName } = request;
    return write(call, { method: method.assignRole, request, aggregates: [rolesAggregate, userAggregate(userId)] }, async (tx) => ({
      assigned: await granted(tx, userId, async () => {
        const { id } = await storedRole(tx, roleName);
        return sql`insert into role_member (user_id, role_id) values (${userId}, ${id}) on conflict (user_id, role_id) do nothing`;
      }),
    }));
  };

/** UnassignRole: takes a role from a user. */
export const unassignRole =
  ({ write }: Dependencies): Operation<typeof method.unassignRole> =>
  (call, request) => {
    const { userId, roleName } = request;
    return write(call, { method: method.unassignRole, request, aggregates: [rolesAggregate, userAggregate(userId)] }, async (tx) => ({
      unassigned: await granted(tx, userId, async () => {
        const { id } = await storedRole(tx, roleName);
        return sql`delete from role_member where user_id = ${userId} and role_id = ${id}`;
      }),
    }));
  };

/** GrantPermission: grants a permission to the user itself, not by a role. */
export const grantPermission =
  ({ write }: Dependencies): Operation<typeof method.grantPermission> =>
  (call, request) => {
    const { userId, permission } = request;
    const insert = sql`insert into user_permission (user_id, permission) values (${userId}, ${permission})
      on conflict (user_id, permission) do nothing`;
    return write(call, { method: method.grantPermission, request, aggregates: [userAggregate(userId)] }, async (tx) => ({
      granted: await granted(tx, userId, () => insert),
    }));
  };

/** RevokePermission: takes back a permission that was granted to the user itself. */
export const revokePermission =
  ({ write }: Dependencies): Operation<typeof method.revokePermission> =>
  (call, request) => {
    const { userId, permission } = request;
    const remove = sql`delete from user_permission where user_id = ${userId} and permission = ${permission}`;
    return write(call, { method: method.revokePermission, request, aggregates: [userAggregate(userId)] }, async (tx) => ({
      revoked: await granted(tx, userId, () => remove),
    }));
  };
