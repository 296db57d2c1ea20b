import { describe, expect } from "vitest";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;
const UNKNOWN_ROLE = "no such role";
const own = { source: { case: "ownGrant", value: true } };
const byRole = (name: string) => ({ source: { case: "roleName", value: name } });

describe.for(clientKinds)("permissions and roles, through %s", { concurrent: true }, (kind) => {
  test("U31 a grant is new once, and revoked once", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const permission = "broadcasts.admin";
    expect(await users.grantPermission({ userId, permission })).toMatchObject({ granted: true });
    expect(await users.grantPermission({ userId, permission })).toMatchObject({ granted: false });
    expect((await users.getUser({ id: userId })).user?.permissions).toEqual([permission]);
    expect(await users.revokePermission({ userId, permission })).toMatchObject({ revoked: true });
    expect(await users.revokePermission({ userId, permission })).toMatchObject({ revoked: false });
    expect((await users.getUser({ id: userId })).user?.permissions).toEqual([]);
    for (const bad of ["admin", "users.", ".admin", "users admin.x", "", `${"s".repeat(199)}.ab`, "a.b\n"]) {
      const { fields } = await expectRefusal(users.grantPermission({ userId, permission: bad }), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toContain("permission");
    }
    await users.grantPermission({ userId, permission: `${"s".repeat(198)}.ab` });
    await expectRefusal(users.grantPermission({ userId: UNKNOWN_USER, permission }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.revokePermission({ userId: UNKNOWN_USER, permission }), "NotFound", "USER_NOT_FOUND");
  });

  test("U32 CheckPermissions says by what; is_superuser alone gives nothing", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const { id: superuser } = await createUser(clients[kind], { isSuperuser: true });
    const [first, second] = [unique("role a"), unique("role b")];
    for (const name of [first, second]) await users.createRole({ role: { name, permissions: ["users.admin", `only.${name.slice(-10)}`] } });
    for (const roleName of [second, first]) await users.assignRole({ userId, roleName });
    await users.grantPermission({ userId, permission: "users.admin" });
    const check = (id: bigint, permission: string) => ({ userId: id, permission });
    const { results } = await users.checkPermissions({
      checks: [
        check(userId, "users.admin"),
        check(userId, `only.${first.slice(-10)}`),
        check(userId, "broadcasts.admin"),
        check(superuser, "users.admin"),
        check(UNKNOWN_USER, "users.admin"),
        check(userId, "users.admin"),
      ],
    });
    const all = { allowed: true, via: [own, byRole(first), byRole(second)] };
    const none = { allowed: false, via: [] };
    expect(results).toMatchObject([all, { allowed: true, via: [byRole(first)] }, none, none, none, all]);
  });

  test("U13 U14 the full view has own permissions and those of every role, sorted, each once", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId, email = "" } = await createUser(clients[kind]);
    const names = [unique("many"), unique("none"), unique("one")];
    const [many = "", none = "", one = ""] = names;
    await users.createRole({ role: { name: many, permissions: ["b.b", "a.a", "c.c"] } });
    await users.createRole({ role: { name: none } });
    await users.createRole({ role: { name: one, permissions: ["c.c"] } });
    for (const roleName of names) expect(await users.assignRole({ userId, roleName })).toMatchObject({ assigned: true });
    expect(await users.assignRole({ userId, roleName: one })).toMatchObject({ assigned: false });
    for (const permission of ["b.b", "Z.z"]) await users.grantPermission({ userId, permission });
    const full = { permissions: ["Z.z", "a.a", "b.b", "c.c"], roleNames: names.toSorted() };
    expect((await users.getUser({ id: userId })).user).toMatchObject(full);
    const keys = [{ key: { case: "email" as const, value: email } }];
    expect((await users.lookupUsers({ keys, view: UserView.FULL })).results).toMatchObject([{ status: LookupStatus.FOUND, user: full }]);
    const basic = (await users.lookupUsers({ keys })).results[0]?.user;
    expect(basic).toMatchObject({ permissions: [], roleNames: [], emails: [], has2fa: false });
  });

  test("U33 role names are unique; with a role go its permissions, at the next read", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const name = unique("role");
    const { role } = await users.createRole({ role: { name, permissions: ["b.b", "a.a"] } });
    expect(role).toMatchObject({ name, permissions: ["a.a", "b.b"] });
    await expectRefusal(users.createRole({ role: { name } }), "AlreadyExists", "ROLE_TAKEN");
    await users.assignRole({ userId, roleName: name });
    expect((await users.getUser({ id: userId })).user?.permissions).toEqual(["a.a", "b.b"]);
    expect((await users.deleteRole({ name, validateOnly: true })).role).toMatchObject({ name });
    expect((await users.getUser({ id: userId })).user?.roleNames).toEqual([name]);
    await users.deleteRole({ name });
    expect((await users.getUser({ id: userId })).user).toMatchObject({ permissions: [], roleNames: [] });
    await expectRefusal(users.deleteRole({ name }), "NotFound", "ROLE_NOT_FOUND");
    await expectRefusal(users.assignRole({ userId, roleName: name }), "NotFound", "ROLE_NOT_FOUND");
    await expectRefusal(users.unassignRole({ userId, roleName: UNKNOWN_ROLE }), "NotFound", "ROLE_NOT_FOUND");
  });

  test("UpdateRole writes the permissions and moves the etag, if they differ", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const name = unique("role");
    const { role: created } = await users.createRole({ role: { name, permissions: ["a.a", "b.b"] } });
    await users.assignRole({ userId, roleName: name });
    const same = await users.updateRole({ role: { name, permissions: ["b.b", "a.a"] } });
    expect(same.role).toEqual(created);
    const { role } = await users.updateRole({ role: { name, permissions: ["c.c", "b.b"], etag: created?.etag ?? "" } });
    expect(role).toMatchObject({ permissions: ["b.b", "c.c"] });
    expect((await users.getUser({ id: userId })).user?.permissions).toEqual(["b.b", "c.c"]);
    const stale = users.updateRole({ role: { name, permissions: [], etag: created?.etag ?? "" }, updateMask: { paths: ["*"] } });
    const { info } = await expectRefusal(stale, "Aborted", "ETAG_MISMATCH");
    expect(info?.metadata).toEqual({ etag: role?.etag });
    const emptied = await users.updateRole({ role: { name }, updateMask: { paths: ["permissions", "create_time"] } });
    expect(emptied.role?.permissions).toEqual([]);
    await expectRefusal(users.updateRole({ role: { name }, updateMask: { paths: ["nick"] } }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.updateRole({ role: { name: UNKNOWN_ROLE } }), "NotFound", "ROLE_NOT_FOUND");
    await expectRefusal(users.createRole({ role: { name: unique(), permissions: ["a.a", "a.a"] } }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.createRole({}), "InvalidArgument", "FIELD_INVALID");
  });

  test("a user loses a role that is unassigned, once", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const roleName = unique("role");
    await users.createRole({ role: { name: roleName, permissions: ["a.a"] } });
    await users.assignRole({ userId, roleName });
    expect(await users.unassignRole({ userId, roleName })).toMatchObject({ unassigned: true });
    expect(await users.unassignRole({ userId, roleName })).toMatchObject({ unassigned: false });
    expect((await users.getUser({ id: userId })).user?.permissions).toEqual([]);
    await expectRefusal(users.assignRole({ userId: UNKNOWN_USER, roleName }), "NotFound", "USER_NOT_FOUND");
  });
});

test("ListRoles pages through all roles by name, each once", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  for (let made = 0; made < 7; made++) await users.createRole({ role: { name: unique("listed") } });
  const names: string[] = [];
  let pageToken = "";
  do {
    const page = await users.listRoles({ pageSize: 3, pageToken });
    names.push(...page.roles.map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(names).toEqual([...new Set(names)].sort());
  expect(names.filter((name) => name.startsWith("listed"))).toHaveLength(7);
  const { nextPageToken } = await users.listRoles({ pageSize: 1 });
  expect((await users.listRoles({ pageSize: 2, pageToken: nextPageToken })).roles).toHaveLength(2);
  await expectRefusal(users.listRoles({ pageToken: `${nextPageToken}x` }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  await expectRefusal(users.listIdentityProviders({ pageToken: nextPageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
});

test("U33 of two calls that create one role at once, one creates it", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const name = unique("raced");
  const calls = await Promise.allSettled(Array.from({ length: 8 }, () => users.createRole({ role: { name } })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const call of calls) if (call.status === "rejected") await expectRefusal(Promise.reject(call.reason), "AlreadyExists", "ROLE_TAKEN");
});

test("U31 of grants that come at once, one is new", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const calls = await Promise.all(Array.from({ length: 8 }, () => users.grantPermission({ userId, permission: "a.a" })));
  expect(calls.filter(({ granted }) => granted)).toHaveLength(1);
});

test("U33 a role that is deleted while it is assigned leaves nobody behind, and nothing fails", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const ids = await Promise.all(Array.from({ length: 5 }, async () => (await createUser(clients["grpc-js"])).id));
  for (let round = 0; round < 3; round++) {
    const name = unique("gone");
    await users.createRole({ role: { name } });
    const assigned = ids.map((userId) => users.assignRole({ userId, roleName: name }).catch((error: unknown) => error));
    await users.deleteRole({ name });
    for (const outcome of await Promise.all(assigned)) {
      if (outcome instanceof Error) await expectRefusal(Promise.reject(outcome), "NotFound", "ROLE_NOT_FOUND");
    }
  }
  expect(await db.sql.selectFrom("role_member").select("id").where("user_id", "in", ids).execute()).toEqual([]);
});

test("a deleted user has no permissions to check, and gets none", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const roleName = unique("role");
  await users.createRole({ role: { name: roleName } });
  await users.grantPermission({ userId, permission: "a.a" });
  await users.deleteUser({ id: userId });
  expect((await users.checkPermissions({ checks: [{ userId, permission: "a.a" }] })).results).toMatchObject([{ allowed: false }]);
  const writes = [
    users.grantPermission({ userId, permission: "b.b" }),
    users.revokePermission({ userId, permission: "a.a" }),
    users.assignRole({ userId, roleName }),
    users.unassignRole({ userId, roleName }),
  ];
  await Promise.all(writes.map((call) => expectRefusal(call, "FailedPrecondition", "USER_DELETED")));
});
