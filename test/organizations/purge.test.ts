import { spawn } from "node:child_process";
import { once } from "node:events";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { OPTIONS_AT_ONCE } from "../../src/lifecycle/remove-scopes.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { createOrganization, createProject, createTeam, createUser, unique, uniqueId, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

const purgerOf = (db: Database) => startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);

/** Users with options in a project: every user `perUser` keys. */
const furnish = async (db: Database, projectId: bigint, users: number, perUser: number): Promise<bigint[]> => {
  const prefix = unique("many-");
  const { rows } = await sql<{ id: bigint }>`
    insert into users (username, username_canonical)
    select name, name from (select ${prefix}::text || n as name from generate_series(1, ${users}::int) n) names returning id`.execute(
    db.sql,
  );
  const ids = rows.map(({ id }) => id);
  await sql`
    insert into user_option (user_id, scope_kind, scope_id, key, value)
    select id, 2, ${projectId}, 'key-' || n, '1' from unnest(${ids.map(String)}::bigint[]) as t (id), generate_series(1, ${perUser}::int) n`.execute(
    db.sql,
  );
  return ids;
};

const countOf = async (db: Database, projectId: bigint): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from user_option where scope_kind = 2 and scope_id = ${projectId}`.execute(db.sql);
  return rows[0]?.count ?? 0;
};

const versionsOf = async (db: Database, ids: readonly bigint[]): Promise<bigint[]> => {
  const rows = await db.sql
    .selectFrom("aggregate_version")
    .select("version")
    .where("kind", "=", "user")
    .where("id", "in", ids)
    .orderBy("id")
    .execute();
  return rows.map(({ version }) => version);
};

/** How many of the users an option is shown for, by every path that shows one. */
const shown = async ({ options }: Pick<Clients, "options">, projectId: bigint, ids: readonly bigint[]): Promise<number[]> => {
  const userIds = [...ids.slice(0, 500), ...ids.slice(-500)];
  const [batch, resolved, single, listed, revisions, scope] = await Promise.all([
    options.batchGetOptions({ userIds, keys: ["key-1"], projectIds: [projectId] }),
    options.resolveOptions({ userIds, keys: ["key-1"], projectId }),
    options.getOption({ userId: userIds[0] ?? 0n, key: "key-1", projectId }),
    options.listOptions({ userId: userIds.at(-1) ?? 0n, projectId }),
    options.listOptionRevisions({ userId: userIds.at(-1) ?? 0n, key: "key-1", projectId }),
    options.listScopeOptions({ target: { case: "projectId", value: projectId } }),
  ]);
  return [
    batch.results.filter((result) => result.options.length > 0).length,
    resolved.results.filter((result) => result.options[0]?.found).length,
    single.found ? 1 : 0,
    listed.options.length > 0 ? 1 : 0,
    revisions.revisions.length > 0 ? 1 : 0,
    scope.options.length,
  ];
};

const nothing = [0, 0, 0, 0, 0, 0];

test("a purge of an organization takes all that belongs to it, and what was set in it and in its projects", async ({ clients, db }) => {
  const { organizations, options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { id } = await createOrganization(clients["grpc-js"], {}, userId);
  const [{ id: projectId }, { id: teamId }] = [await createProject(clients["grpc-js"], id), await createTeam(clients["grpc-js"], id)];
  await organizations.addTeamMember({ teamId, member: { case: "userId", value: userId } });
  await organizations.addProjectTeam({ projectId, teamId });
  const other = uniqueId();
  for (const scope of [{ projectId }, { organizationId: id }, { projectId: other }, {}]) {
    await options.setOption({ userId, key: "k", value: value(1), ...scope });
  }
  await options.setScopeOption({ target: { case: "organizationId", value: id }, key: "k", value: value(2), locked: true });
  await options.setScopeOption({ target: { case: "projectId", value: projectId }, key: "k", value: value(3) });
  const [before = 0n] = await versionsOf(db, [userId]);
  await organizations.purgeOrganization({ id, validateOnly: true });
  expect(await versionsOf(db, [userId])).toEqual([before]);

  const { consistencyToken } = await organizations.purgeOrganization({ id });
  expect(await versionsOf(db, [userId])).toEqual([before + 1n]);
  const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
  const { options: left } = await options.listOptions({ userId, allScopes: true, consistency });
  expect(left.map((option) => [option.projectId, option.organizationId])).toEqual([
    [0n, 0n],
    [other, 0n],
  ]);
  await expectRefusal(organizations.getOrganization({ key: { case: "id", value: id } }), "NotFound", "ORGANIZATION_NOT_FOUND");
  await expectRefusal(organizations.getProject({ key: { case: "id", value: projectId } }), "NotFound", "PROJECT_NOT_FOUND");
  await expectRefusal(organizations.getTeam({ key: { case: "id", value: teamId } }), "NotFound", "TEAM_NOT_FOUND");
  expect((await organizations.listUserOrganizations({ userId })).organizations).toEqual([]);
  const { rows } = await sql<{ kind: string }>`
    select kind from changes where operation = 'delete' and aggregate_kind = 'user' and aggregate_id = ${userId} order by kind`.execute(
    db.sql,
  );
  expect(rows.map(({ kind }) => kind)).toEqual(["organization_member", "user_option", "user_option"]);
  for (const table of ["scope_option", "option_revision"]) {
    const { rows: kept } = await sql`
      select from ${sql.table(table)} where (scope_kind, scope_id) in ((1, ${id}), (2, ${projectId}))`.execute(db.sql);
    expect(kept, table).toEqual([]);
  }
  expect((await sql`select from purged_scope`.execute(db.sql)).rows).toEqual([]);
  expect((await createOrganization(clients["grpc-js"])).id).toBeGreaterThan(id);
});

test("the purger removes what the grace period is over for, and several share the work", async ({ clients, db }) => {
  const { organizations } = clients["grpc-js"];
  const made = await Promise.all(Array.from({ length: 6 }, () => createOrganization(clients["grpc-js"])));
  const [restored = 0n, later = 0n, living = 0n, ...due] = made.map(({ id }) => id);
  const [{ id: projectId }, { id: teamId }] = [
    await createProject(clients["grpc-js"], living),
    await createTeam(clients["grpc-js"], living),
  ];
  for (const id of [restored, later, ...due]) await organizations.deleteOrganization({ id });
  await organizations.deleteProject({ id: projectId });
  await organizations.deleteTeam({ id: teamId });
  await organizations.undeleteOrganization({ id: restored });
  for (const table of ["organization", "project", "team"]) {
    await sql`update ${sql.table(table)} set purge_time = now() where delete_time is not null and id = any(${[...due, projectId, teamId].map(String)}::bigint[])
      and id <> ${later}`.execute(db.sql);
  }
  await using first = purgerOf(db);
  await using second = purgerOf(db);
  await Promise.all([first.purge(), second.purge()]);
  // What one of them held is left to the next round of the other.
  await first.purge();
  const left = await db.sql
    .selectFrom("organization")
    .select("id")
    .where(
      "id",
      "in",
      made.map(({ id }) => id),
    )
    .orderBy("id")
    .execute();
  expect(left.map(({ id }) => id)).toEqual([restored, later, living].sort((a, b) => (a < b ? -1 : 1)));
  await expectRefusal(organizations.getProject({ key: { case: "id", value: projectId } }), "NotFound", "PROJECT_NOT_FOUND");
  await expectRefusal(organizations.getTeam({ key: { case: "id", value: teamId } }), "NotFound", "TEAM_NOT_FOUND");
});

test("many options vanish at once for every reader, and are removed in batches, also when the purger is killed", async ({
  clients,
  db,
  databaseUrl,
}) => {
  const { organizations, options } = clients["grpc-js"];
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const { id: projectId } = await createProject(clients["grpc-js"], organizationId);
  const ids = await furnish(db, projectId, 3_500, 3);
  expect(await countOf(db, projectId)).toBeGreaterThan(OPTIONS_AT_ONCE);
  await options.setScopeOption({ target: { case: "projectId", value: projectId }, key: "other", value: value(1) });
  expect(await shown(clients["grpc-js"], projectId, ids)).toEqual([1_000, 1_000, 1, 1, 1, 1]);
  const before = await versionsOf(db, ids);

  // Readers go on all the time: each sees all of the options or none.
  let reading = true;
  const seen = new Set<string>();
  const readers = (async () => {
    while (reading) {
      const userIds = [...ids.slice(0, 400), ...ids.slice(-400)];
      const { results } = await options.batchGetOptions({ userIds, keys: ["key-1"], projectIds: [projectId] });
      seen.add(String(results.filter((result) => result.options.length > 0).length));
    }
  })();
  readers.catch(() => {});
  const { consistencyToken } = await organizations.purgeProject({ id: projectId });
  expect(consistencyToken).not.toBe("");
  expect(await shown(clients["grpc-js"], projectId, ids)).toEqual(nothing);
  expect(await countOf(db, projectId)).toBe(10_500);
  const [userId = 0n] = ids;
  const write = { userId, key: "late", projectId, value: value(1) };
  await expectRefusal(options.setOption(write), "NotFound", "OPTION_SCOPE_NOT_FOUND");
  await expectRefusal(options.deleteOption({ userId, key: "key-1", projectId }), "NotFound", "OPTION_NOT_FOUND");

  // Caches may take the scope for live as long as the bound: a round that is stopped before it is over has removed nothing.
  {
    await using patient = startPurger(db, createSystemUser("sentry"), 600_000, silent, testEraser);
    const round = patient.purge();
    await patient[Symbol.asyncDispose]();
    await round;
    expect(await countOf(db, projectId)).toBe(10_500);
  }

  // The second batch waits in its trigger, so the kill comes when the first one is committed.
  await sql`create function wait_long() returns trigger language plpgsql as
    'begin if (select count(*) from user_option where scope_kind = 2 and scope_id = tg_argv[0]::bigint) < 8000 then perform pg_sleep(60); end if; return null; end'`.execute(
    db.sql,
  );
  await sql`create trigger wait_long after delete on user_option for each statement execute function wait_long(${sql.lit(String(projectId))})`.execute(
    db.sql,
  );
  const child = spawn(process.execPath, [new URL("../support/purge-once.ts", import.meta.url).pathname, databaseUrl], { stdio: "ignore" });
  const sleeping = sql`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`;
  await expect.poll(async () => (await sleeping.execute(db.sql)).rows.length, { timeout: 30_000 }).toBe(1);
  child.kill("SIGKILL");
  await once(child, "exit");
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`.execute(
    db.sql,
  );
  await sql`drop trigger wait_long on user_option`.execute(db.sql);
  expect(await countOf(db, projectId)).toBe(8_500);
  expect(await shown(clients["grpc-js"], projectId, ids)).toEqual(nothing);

  await using purger = purgerOf(db);
  await purger.purge();
  reading = false;
  await readers;
  expect([...seen].sort()).toEqual(["0", "800"]);
  expect(await countOf(db, projectId)).toBe(0);
  expect((await sql`select from purged_scope`.execute(db.sql)).rows).toEqual([]);
  expect((await sql`select from scope_option where scope_kind = 2 and scope_id = ${projectId}`.execute(db.sql)).rows).toEqual([]);
  expect((await sql`select from option_revision where scope_kind = 2 and scope_id = ${projectId}`.execute(db.sql)).rows).toEqual([]);
  // Every user's version has moved, once for each batch that it was in, and each option is in the log.
  const after = await versionsOf(db, ids);
  expect(after.every((version, index) => version > (before[index] ?? 0n))).toBe(true);
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from changes where kind = 'user_option' and operation = 'delete' and key like ${`2/${projectId}/%`}`.execute(
    db.sql,
  );
  expect(rows).toEqual([{ count: 10_500 }]);
  // Scopes are trusted again when nothing of the old ones is left.
  expect((await options.setOption(write)).created).toBe(true);
}, 120_000);

test("a busy user holds up only its own options", async ({ clients, db }) => {
  const { organizations } = clients["grpc-js"];
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const { id: projectId } = await createProject(clients["grpc-js"], organizationId);
  const [busy = 0n] = await furnish(db, projectId, 5_001, 2);
  await organizations.purgeProject({ id: projectId });
  await using purger = purgerOf(db);
  const lock = await db.sql.startTransaction().execute();
  await sql`select from aggregate_version where kind = 'user' and id = ${busy} for update`.execute(lock);
  await purger.purge();
  expect(await countOf(db, projectId)).toBe(2);
  await lock.rollback().execute();
  await purger.purge();
  expect(await countOf(db, projectId)).toBe(0);
}, 60_000);
