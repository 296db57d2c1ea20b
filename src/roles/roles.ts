import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Kysely, sql } from "kysely";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField, notFound } from "../errors.ts";
import { ListRolesRequestSchema, RoleSchema } from "../gen/userd/v1/role_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { requirePermission } from "../users/privileges.ts";
import { rolesAggregate } from "../versions/aggregate.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";

const { method } = UserService;

/** Makes the query for all roles with their permissions, to which each read adds its condition. */
const selectRoles = (db: Kysely<Schema>) =>
  db
    .selectFrom("role")
    .select([
      "role.id",
      "role.name",
      "role.version",
      "role.create_time",
      "role.update_time",
      sql<string[]>`array(select permission from role_permission where role_id = role.id order by permission)`.as("permissions"),
    ]);

/** A role as `selectRoles` returns it. */
export type RoleRow = Awaited<ReturnType<ReturnType<typeof selectRoles>["execute"]>>[number];

/** Reads the role with this name. The aggregate of the roles has to be locked already. Throws NOT_FOUND ROLE_NOT_FOUND. */
export const storedRole = async (tx: Tx, name: string): Promise<RoleRow> => {
  const row = await tx.row(selectRoles(tx.sql).where("role.name", "=", name));
  if (!row) throw notFound("ROLE_NOT_FOUND", "There is no such role.");
  return row;
};

/** Makes the API's message of a role from its row. */
const toRole = (row: RoleRow): MessageInitShape<typeof RoleSchema> => ({
  name: row.name,
  permissions: row.permissions,
  etag: etagOfLife(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});

/** CreateRole: stores a role and its permissions. A constraint refuses a name that is taken. */
export const createRole =
  ({ write }: Dependencies): Operation<typeof method.createRole> =>
  (call, request) => {
    const { role } = request;
    if (role === undefined) throw invalidField("role", "is required");
    return write(call, { method: method.createRole, request, aggregates: [rolesAggregate] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await tx.rows(sql`
        with created as (insert into role (name) values (${role.name}) returning id)
        insert into role_permission (role_id, permission) select id, unnest(${role.permissions}::text[]) from created`);
      return { role: toRole(await storedRole(tx, role.name)) };
    });
  };

/** Writes the difference only: equal permissions move no version. */
const setPermissions = async (tx: Tx, { id, permissions: before }: RoleRow, after: readonly string[]): Promise<void> => {
  const gone = before.filter((permission) => !after.includes(permission));
  const added = after.filter((permission) => !before.includes(permission));
  if (gone.length + added.length === 0) return;
  await tx.rows(sql`delete from role_permission where role_id = ${id} and permission = any(${gone}::text[])`);
  await tx.rows(sql`insert into role_permission (role_id, permission) select ${id}, unnest(${added}::text[])`);
  await tx.rows(sql`update role set update_time = statement_timestamp(), version = version + 1 where id = ${id}`);
};

/** UpdateRole: replaces the permissions of a role, and so changes those of its users. */
export const updateRole =
  ({ write }: Dependencies): Operation<typeof method.updateRole> =>
  (call, request) => {
    const { role } = request;
    if (role === undefined) throw invalidField("role", "is required");
    const fields = maskedFields(RoleSchema, role, request.updateMask);
    return write(call, { method: method.updateRole, request, aggregates: [rolesAggregate] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const row = await storedRole(tx, role.name);
      requireEtag(role.etag, etagOfLife(row), "role");
      if (fields.has("permissions")) await setPermissions(tx, row, role.permissions);
      return { role: toRole(await storedRole(tx, role.name)) };
    });
  };

/** DeleteRole: deletes a role, its permissions and its assignments. AssignRole takes the same lock, so no assignment is added meanwhile. */
export const deleteRole =
  ({ write }: Dependencies): Operation<typeof method.deleteRole> =>
  (call, request) => {
    const { name, etag } = request;
    return write(call, { method: method.deleteRole, request, aggregates: [rolesAggregate] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const row = await storedRole(tx, name);
      requireEtag(etag, etagOfLife(row), "role");
      await tx.rows(sql`delete from role_member where role_id = ${row.id}`);
      await tx.rows(sql`delete from role_permission where role_id = ${row.id}`);
      await tx.rows(sql`delete from role where id = ${row.id}`);
      return { role: toRole(row) };
    });
  };

/** ListRoles: returns a page of roles, ordered by name. */
export const listRoles =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listRoles> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListRolesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await db.session(call).rows(
      selectRoles(db.sql)
        .where("role.name", ">", after?.[0] ?? "")
        .orderBy("role.name")
        .limit(size + 1),
    );
    const { rows, nextPageToken } = cut(found, ({ name }) => [name]);
    return { roles: rows.map(toRole), nextPageToken };
  };
