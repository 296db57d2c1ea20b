import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { actingAs, buildUser, createUser, unique } from "../support/build.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, testConfig } from "../support/service.ts";

/** `asWriter` are the headers of a caller that may write users, but is no administrator. */
const test = base.extend("writer", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<Clients> => {
  const token = unique("token");
  const file = join(tmpdir(), `${unique("callers")}.json`);
  const token_sha256 = createHash("sha256").update(token).digest("hex");
  writeFileSync(file, JSON.stringify({ callers: [{ name: "writer", token_sha256, permissions: ["users.read", "users.write"] }] }));
  const app = await startApp(testConfig(databaseUrl, { TOKEN_FILE: file }), silent, { migrate: true });
  const { byKind, close } = createClients(app);
  onCleanup(async () => {
    close();
    await app[Symbol.asyncDispose]();
  });
  const authorized = { headers: { authorization: `Bearer ${token}` } };
  const { users, ...others } = byKind["grpc-js"];
  const proxied = new Proxy(users, {
    get: (target, name) => (request: never) =>
      (target[name as keyof typeof target] as (...args: unknown[]) => unknown)(request, authorized),
  });
  return { ...others, users: proxied };
});

test("U9 a caller without users.admin raises no flag, and nothing changes, in a larger mask neither", async ({ clients, writer }) => {
  const { id, etag } = await createUser(clients["grpc-js"], { name: "before" });
  for (const flag of ["isStaff", "isSuperuser"] as const) {
    const refused = await expectRefusal(
      writer.users.updateUser({ user: { id, name: "after", [flag]: true } }),
      "PermissionDenied",
      "PERMISSION_REQUIRED",
    );
    expect(refused.info?.metadata).toEqual({ permission: "users.admin" });
    await expectRefusal(writer.users.createUser({ user: buildUser({ [flag]: true }) }), "PermissionDenied", "PERMISSION_REQUIRED");
  }
  expect((await clients["grpc-js"].users.getUser({ id })).user).toMatchObject({ name: "before", isStaff: false, isSuperuser: false, etag });
  expect((await writer.users.updateUser({ user: { id, name: "after" } })).user?.name).toBe("after");
});

test("U9 a flag that is up already, or goes down, needs no more than writing", async ({ clients, writer }) => {
  const { id } = await createUser(clients["grpc-js"], { isStaff: true, isSuperuser: true });
  expect((await writer.users.updateUser({ user: { id, isStaff: true, name: "same" } })).user).toMatchObject({ isStaff: true });
  expect((await writer.users.updateUser({ user: { id, isStaff: false, isSuperuser: false } })).user).toMatchObject({ isStaff: false });
});

test("U9 the acting user has to have been granted users.admin, itself or by a role", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id } = await createUser(clients["grpc-js"]);
  const raise = (actor: bigint) => users.updateUser({ user: { id, isStaff: true } }, actingAs(actor));
  const lower = () => users.updateUser({ user: { id, isStaff: false } });
  const { id: nobody } = await createUser(clients["grpc-js"], { isSuperuser: true });
  await expectRefusal(raise(nobody), "PermissionDenied", "PERMISSION_REQUIRED");
  await expectRefusal(raise(9_000_000_000_000n), "PermissionDenied", "ACTING_USER_NOT_PRESENT");

  const { id: granted } = await createUser(clients["grpc-js"]);
  await users.grantPermission({ userId: granted, permission: "users.admin" });
  expect((await raise(granted)).user).toMatchObject({ isStaff: true });
  await lower();

  const { id: member } = await createUser(clients["grpc-js"]);
  const roleName = unique("admins");
  await users.createRole({ role: { name: roleName, permissions: ["users.admin"] } });
  await users.assignRole({ userId: member, roleName });
  expect((await raise(member)).user).toMatchObject({ isStaff: true });
  await lower();
  await users.deleteRole({ name: roleName });
  await expectRefusal(raise(member), "PermissionDenied", "PERMISSION_REQUIRED");

  await sql`update users set is_active = false where id = ${granted}`.execute(db.sql);
  await expectRefusal(raise(granted), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
  expect((await users.getUser({ id })).user).toMatchObject({ isStaff: false });
});

test("who may give permissions is held to users.admin too: nobody grants it to itself", async ({ clients, writer }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const name = unique("role");
  await users.createRole({ role: { name, permissions: ["users.admin"] } });
  const permission = "users.admin";
  const writes = [
    users.grantPermission({ userId, permission }, actingAs(userId)),
    users.assignRole({ userId, roleName: name }, actingAs(userId)),
    users.updateRole({ role: { name, permissions: ["a.a"] } }, actingAs(userId)),
    users.createRole({ role: { name: unique() } }, actingAs(userId)),
    users.deleteRole({ name }, actingAs(userId)),
    writer.users.grantPermission({ userId, permission }),
    writer.users.createRole({ role: { name: unique() } }),
  ];
  await Promise.all(writes.map((call) => expectRefusal(call, "PermissionDenied", "PERMISSION_REQUIRED")));
  expect((await users.getUser({ id: userId })).user).toMatchObject({ permissions: [], roleNames: [] });
});
