import { spawn } from "node:child_process";
import { once } from "node:events";
import { sql } from "kysely";
import pLimit from "p-limit";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { AvatarType } from "../../src/gen/userd/v1/user_pb.ts";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { ownedTables as owned } from "../../src/lifecycle/owned-tables.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { buildUser, createUser, unique, value } from "../support/build.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;

/** Tables whose rows a purge of their user deletes, but for holds: a held user is not purged. */
const ownedTables = owned.users.tables.filter(({ goes, table }) => goes === "deleted" && table !== "user_hold").map(({ table }) => table);

/** Tables whose rows go with their user by a foreign key or a trigger. */
const cascading = ["option_revision", "parted_history", "user_activity", "user_search"] as const;

/** Rows of a user, in every table that can hold one. */
const rowsOf = async (db: Database, id: bigint): Promise<Record<string, number>> => {
  const counts = await Promise.all(
    [...ownedTables, ...cascading].map(async (table) => {
      const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${sql.table(table)} where user_id = ${id}`.execute(
        db.sql,
      );
      return [table, rows[0]?.count ?? 0] as const;
    }),
  );
  const users = await db.sql.selectFrom("users").select("id").where("id", "=", id).execute();
  return Object.fromEntries([...counts, ["users", users.length] as const].filter(([, count]) => count > 0));
};

/** One at a time: the statement of `furnish` writes what belongs to everybody too, and in no order that keeps two from waiting for each other. */
const inTurn = pLimit(1);

/** Gives a user one of everything. */
const furnish = async (db: Database, id: bigint): Promise<void> => {
  await sql`
    with provider as (insert into identity_provider (type, external_id) values ('test', ${unique()}) returning id),
      organization as (insert into auth_provider (organization_id, provider) values (${id}, 'saml2') returning id),
      role as (insert into role (name) values (${unique()}) returning id),
      company as (insert into organization (name, slug) values ('Test', ${unique("s")}) returning id),
      belonging as (insert into organization_member (organization_id, user_id, role) select id, ${id}, 0 from company),
      member as (insert into role_member (user_id, role_id) select ${id}, id from role),
      identity as (insert into identity (provider_id, user_id, external_id) select id, ${id}, 'x' from provider),
      auth_identity as (insert into auth_identity (provider_id, user_id, external_id) select id, ${id}, 'x' from organization),
      permission as (insert into user_permission (user_id, permission) values (${id}, 'a.b')),
      authenticator as (insert into authenticator (user_id, type) values (${id}, 1)),
      account as (insert into account (number) values (lpad((${id} % 10000)::text, 4, '0') || '-0000-0000') returning id),
      profile as (insert into user_profile (user_id, account_id) select ${id}, id from account returning id, account_id),
      contact as (
        insert into account_contact (account_id, user_id, email, email_canonical) select id, ${id}, 'a@example.com', 'a@example.com' from account),
      resource as (insert into resource (owner_profile_id, account_id, kind, name) select id, account_id, 'plugin', 'x' from profile),
      parted as (insert into parted_history (user_id, scope_kind, scope_id) values (${id}, 1, 1)),
      merge as (insert into user_merge (user_id, target_user_id, expire_time, undo_time) values (${id}, 1, now(), now())),
      reset as (insert into password_reset (user_id, token_hash) values (${id}, decode(md5(${unique()}), 'hex')))
    select`.execute(db.sql);
};

describe.for(clientKinds)("the life of a user, through %s", { concurrent: true }, (kind) => {
  test("deactivate, reactivate, suspend and unsuspend change one flag, and an equal one changes nothing", async ({ clients }) => {
    const { users } = clients[kind];
    const { id, etag } = await createUser(clients[kind]);
    const inactive = (await users.deactivateUser({ id })).user;
    expect(inactive).toMatchObject({ isActive: false, isSuspended: false });
    expect((await users.deactivateUser({ id })).user?.etag).toBe(inactive?.etag);
    expect(inactive?.etag).not.toBe(etag);
    expect((await users.suspendUser({ id })).user).toMatchObject({ isActive: false, isSuspended: true });
    expect((await users.reactivateUser({ id })).user).toMatchObject({ isActive: true, isSuspended: true });
    expect((await users.unsuspendUser({ id })).user).toMatchObject({ isActive: true, isSuspended: false });
    for (const call of [users.deactivateUser, users.reactivateUser, users.suspendUser, users.unsuspendUser]) {
      await expectRefusal(call({ id: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
      await expectRefusal(call({}), "InvalidArgument", "FIELD_INVALID");
    }
  });

  test("U11 a change of a flag is one audit entry with the fields; an equal value is none", async ({ clients }) => {
    const { users, changes } = clients[kind];
    const { id } = await createUser(clients[kind]);
    await users.updateUser({ user: { id, isStaff: true, isSuperuser: true } });
    await users.updateUser({ user: { id, isStaff: true } });
    await users.deactivateUser({ id });
    await users.deactivateUser({ id });
    const { auditEntries } = await changes.listAuditEntries({ filter: { userId: id, kinds: ["users"] } });
    expect(auditEntries.map(({ operation, changedFields }) => [operation, changedFields])).toEqual([
      [AuditOperation.UPDATE, ["is_active"]],
      [AuditOperation.UPDATE, ["is_staff", "is_superuser"]],
      [AuditOperation.INSERT, []],
    ]);
    expect(auditEntries[0]).toMatchObject({ kind: "users", key: String(id), userId: id, caller: "local", actingUserId: 0n });
    const page = await changes.listAuditEntries({ filter: { userId: id }, pageSize: 1 });
    const next = await changes.listAuditEntries({ filter: { userId: id }, pageToken: page.nextPageToken });
    expect(next.auditEntries[0]?.id).toBeLessThan(page.auditEntries[0]?.id ?? 0n);
    await expectRefusal(changes.listAuditEntries({ pageToken: page.nextPageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    const forever = { seconds: 2n ** 62n };
    // JSON can't even say it.
    if (kind !== "Connect JSON")
      await expectRefusal(changes.listAuditEntries({ filter: { startTime: forever } }), "InvalidArgument", "FIELD_INVALID");
    const tomorrow = { seconds: BigInt(Math.floor(Date.now() / 1000) + 86_400) };
    expect((await changes.listAuditEntries({ filter: { userId: id, startTime: tomorrow } })).auditEntries).toEqual([]);
    expect((await changes.listAuditEntries({ filter: { userId: id, endTime: tomorrow, caller: "local" } })).auditEntries).not.toEqual([]);
    expect((await changes.listAuditEntries({ filter: { userId: id, caller: "nobody" } })).auditEntries).toEqual([]);
    expect((await changes.listAuditEntries({ filter: { userId: id, actingUserId: 1n } })).auditEntries).toEqual([]);
  });

  test("SetAvatar keeps a reference and never a picture", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const url = "https://pictures.example.com/7.png";
    const { user } = await users.setAvatar({ userId, type: AvatarType.UPLOAD, url });
    expect(user?.avatar).toMatchObject({ type: AvatarType.UPLOAD, url });
    expect((await users.setAvatar({ userId, type: AvatarType.GRAVATAR })).user?.avatar).toMatchObject({
      type: AvatarType.GRAVATAR,
      url: "",
    });
    for (const request of [
      { type: AvatarType.UPLOAD, url: "" },
      { type: AvatarType.LETTER, url },
      { type: AvatarType.UPLOAD, url: "javascript:alert(1)" },
      { type: AvatarType.UPLOAD, url: "no url" },
      { type: 9 as AvatarType, url: "" },
    ]) {
      await expectRefusal(users.setAvatar({ userId, ...request }), "InvalidArgument", "FIELD_INVALID");
    }
  });

  test("U37 last_active moves at most once a minute, and an address is seen at most once in 5 minutes", async ({ clients, db }) => {
    const { users } = clients[kind];
    const { id: userId, etag } = await createUser(clients[kind]);
    const record = (ip: string) => users.recordActivity({ userId, ip });
    const seen = async () => (await users.getUser({ id: userId })).user?.lastActive;
    await Promise.all([record("2001:DB8::0:1"), record("2001:db8::1"), record("203.0.113.7")]);
    const first = await seen();
    expect(first).toBeDefined();
    await record("");
    expect(await seen()).toEqual(first);
    const ips = () => db.sql.selectFrom("user_ip").select(["ip", "last_seen"]).where("user_id", "=", userId).orderBy("ip").execute();
    const before = await ips();
    expect(before.map(({ ip }) => ip)).toEqual(["2001:db8::1", "203.0.113.7"]);
    await sql`update user_activity set last_active = last_active - interval '61 seconds' where user_id = ${userId}`.execute(db.sql);
    await sql`update user_ip set last_seen = last_seen - interval '4 minutes' where user_id = ${userId}`.execute(db.sql);
    const [moved] = await ips();
    await record("2001:db8::1");
    expect(await seen()).not.toEqual(first);
    expect((await ips())[0]).toEqual(moved);
    await sql`update user_ip set last_seen = last_seen - interval '2 minutes' where user_id = ${userId}`.execute(db.sql);
    await record("2001:db8::1");
    expect((await ips())[0]?.last_seen.getTime()).toBeGreaterThan(moved?.last_seen.getTime() ?? 0);
    expect((await users.getUser({ id: userId })).user?.etag).toBe(etag);
    await record("fe80::1%eth0");
    for (const ip of ["localhost", "300.1.1.1", "1.2.3.4/24"]) await expectRefusal(record(ip), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.recordActivity({ userId: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
  });

  test("U38 a deleted user is hidden, keeps its names, ends its sessions, and can be restored whole", async ({ clients, db }) => {
    const { users, options } = clients[kind];
    const user = await createUser(clients[kind], { username: unique("n") });
    const { id, username = "", email = "" } = user;
    await options.setOption({ userId: id, key: "theme", value: value("dark") });
    const nonce = () => db.sql.selectFrom("users").select("session_nonce").where("id", "=", id).executeTakeFirstOrThrow();
    const before = await nonce();

    await expectRefusal(users.deleteUser({ id, etag: "77" }), "Aborted", "ETAG_MISMATCH");
    const planned = await users.deleteUser({ id, validateOnly: true });
    expect(planned.user?.deleteTime).toBeDefined();
    expect((await users.getUser({ id })).user?.deleteTime).toBeUndefined();

    const requestId = crypto.randomUUID();
    const { user: deleted } = await users.deleteUser({ id, etag: user.etag, requestId });
    expect((await users.deleteUser({ id, etag: user.etag, requestId })).user).toEqual(deleted);
    expect(Number(deleted?.purgeTime?.seconds) - Number(deleted?.deleteTime?.seconds)).toBe(30 * 86_400);
    expect(await nonce()).not.toEqual(before);
    expect((await users.listUsers({ filter: { userIds: [id] } })).users).toEqual([]);
    expect((await users.listUsers({ filter: { userIds: [id] }, showDeleted: true })).users).toHaveLength(1);
    expect((await users.getUser({ id })).user).toMatchObject({ id, username, email });
    const { results } = await users.lookupUsers({ keys: [{ key: { case: "username", value: username } }] });
    expect(results).toMatchObject([{ status: LookupStatus.DELETED, userIds: [id] }]);
    await expectRefusal(users.createUser({ user: buildUser({ username }) }), "AlreadyExists", "USERNAME_TAKEN");
    await expectRefusal(users.createUser({ user: buildUser({ username: email }) }), "AlreadyExists", "USERNAME_TAKEN");
    await Promise.all(
      [
        users.deleteUser({ id }),
        users.deactivateUser({ id }),
        users.suspendUser({ id }),
        users.setAvatar({ userId: id }),
        users.recordActivity({ userId: id }),
        users.updateUser({ user: { id, name: "late" } }),
      ].map((refused) => expectRefusal(refused, "FailedPrecondition", "USER_DELETED")),
    );

    const { user: restored } = await users.undeleteUser({ id });
    expect(restored).toMatchObject({ id, username, email, emails: [{ email }] });
    expect(restored?.deleteTime).toBeUndefined();
    expect((await options.getOption({ userId: id, key: "theme" })).found).toBe(true);
    expect((await users.undeleteUser({ id })).user?.etag).toBe(restored?.etag);
    await expectRefusal(users.undeleteUser({ id: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
  });

  test("U40 a purge removes all of a user; its id is never used again, and the log keeps it", async ({ clients, db }) => {
    const { users, options, changes } = clients[kind];
    const { id, username = "", email = "" } = await createUser(clients[kind]);
    await options.setOption({ userId: id, key: "theme", value: value("dark") });
    await users.recordActivity({ userId: id, ip: "203.0.113.7" });
    await inTurn(() => furnish(db, id));
    expect(Object.keys(await rowsOf(db, id)), "make a row of each table of users in `furnish`").toHaveLength(
      ownedTables.length + cascading.length + 1,
    );
    await users.purgeUser({ id, validateOnly: true });
    expect((await users.getUser({ id })).user?.id).toBe(id);
    await users.purgeUser({ id });
    expect(await rowsOf(db, id)).toEqual({});
    await expectRefusal(users.getUser({ id }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.purgeUser({ id }), "NotFound", "USER_NOT_FOUND");
    const { auditEntries } = await changes.listAuditEntries({ filter: { userId: id }, pageSize: 100 });
    expect(auditEntries[0]).toMatchObject({ kind: "users", operation: AuditOperation.DELETE, key: String(id) });
    const log = JSON.stringify(auditEntries, (_, field) => (typeof field === "bigint" ? String(field) : field));
    expect(log).not.toContain(email);
    const heir = await createUser(clients[kind], { username, email });
    expect(heir.id).toBeGreaterThan(id);
  });
});

test("every table that belongs to a user is purged with it", async ({ db }) => {
  const { rows } = await sql<{ name: string }>`
    select conrelid::regclass::text as name from pg_constraint
    where confrelid = 'users'::regclass and contype = 'f' and confdeltype <> 'c'
    union select table_name from information_schema.columns where table_schema = 'public' and column_name = 'user_id' order by 1`.execute(
    db.sql,
  );
  // Kinds forget the user.
  const forgetting = kinds.filter(({ columns }) => columns.some(({ reference }) => reference?.to.name === "user"));
  expect(rows.map(({ name }) => name)).toEqual([...ownedTables, "user_hold", ...cascading, ...forgetting.map(({ table }) => table)].sort());
});

test("U38 the purger removes whom the grace period is over for, and several share the work", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { results } = await users.batchCreateUsers({ users: Array.from({ length: 130 }, () => buildUser()) });
  const ids = results.map(({ result }) => (result.case === "user" ? result.value.id : 0n));
  const [restored = 0n, later = 0n, ...due] = ids;
  for (const id of ids) await users.deleteUser({ id });
  await users.undeleteUser({ id: restored });
  await sql`update users set purge_time = now() where id = any(${due.map(String)}::bigint[])`.execute(db.sql);
  const systemUser = createSystemUser("sentry");
  await using first = startPurger(db, systemUser, 2_000, silent, testEraser);
  await using second = startPurger(db, systemUser, 2_000, silent, testEraser);
  const purged = await Promise.all([first.purge(), second.purge()]);
  expect(purged.reduce((sum, count) => sum + count)).toBe(due.length);
  const { ids: left } = await users.listUserIds({ filter: { userIds: ids }, showDeleted: true });
  expect(left).toEqual([restored, later].sort((a, b) => (a < b ? -1 : 1)));
});

test("U38 a purge that is killed leaves nothing half done, and the next one finishes it", async ({ clients, db, databaseUrl }) => {
  const { users } = clients["grpc-js"];
  const ids = await Promise.all(Array.from({ length: 20 }, async () => (await createUser(clients["grpc-js"])).id));
  await Promise.all(ids.map((id) => users.deleteUser({ id })));
  await sql`update users set purge_time = now() where id = any(${ids.map(String)}::bigint[])`.execute(db.sql);
  // The last table of the batch waits here, so the kill comes when the others are done.
  await sql`create function wait_long() returns trigger language plpgsql as 'begin perform pg_sleep(30); return old; end'`.execute(db.sql);
  await sql`create trigger wait_long before delete on users for each row execute function wait_long()`.execute(db.sql);
  const child = spawn(process.execPath, [new URL("../support/purge-once.ts", import.meta.url).pathname, databaseUrl], { stdio: "ignore" });
  await expect
    .poll(async () => (await sql`select from pg_stat_activity where wait_event = 'PgSleep'`.execute(db.sql)).rows.length, {
      timeout: 15_000,
    })
    .toBe(1);
  child.kill("SIGKILL");
  await once(child, "exit");
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`.execute(db.sql);
  await sql`drop trigger wait_long on users`.execute(db.sql);
  for (const id of ids) expect(await rowsOf(db, id)).toEqual({ user_email: 1, user_search: 1, users: 1 });
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  expect(await purger.purge()).toBe(ids.length);
  for (const id of ids) expect(await rowsOf(db, id)).toEqual({});
});

test("U39 the system user is refused by every path", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id } = await createUser(clients["grpc-js"], { username: "Sentry" });
  await Promise.all(
    [
      users.deleteUser({ id }),
      users.deactivateUser({ id }),
      users.suspendUser({ id }),
      users.purgeUser({ id }),
      users.updateUser({ user: { id, isActive: false } }),
      users.updateUser({ user: { id, username: unique("n") } }),
    ].map((refused) => expectRefusal(refused, "FailedPrecondition", "SYSTEM_USER")),
  );
  expect((await users.updateUser({ user: { id, username: "sentry", name: "System" } })).user?.username).toBe("sentry");
  await sql`update users set delete_time = now(), purge_time = now() where id = ${id}`.execute(db.sql);
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  await purger.purge();
  expect((await users.getUser({ id })).user?.id).toBe(id);
});
