import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { importedKinds } from "../../src/import/kinds/staging.ts";
import { toValue } from "../../src/options/value.ts";
import { kinds } from "../../src/schema/entities.ts";
import { expectAllPlaced, expectEachBumpOnce } from "../changes/bumps.ts";
import { sequencerOf } from "../changes/feed-fixture.ts";
import { fileText } from "../import/accounting/fixture.ts";
import { importRecords, rowsOf, test } from "../import/fixture.ts";
import { isOwned, makerOf } from "../kinds/maker.ts";
import { serviceWith } from "../options/service-with.ts";

/** Tables of what belongs to nobody that is purged, or that tell of numbers alone. */
const staying = [
  "aggregate_version",
  "changes",
  "erasure",
  "feed",
  "feed_head",
  "identity_provider",
  "name_version",
  "role",
  "role_permission",
  "scope_option",
  "userd_migrations",
  "version_bump",
];

const idsOf = async (db: Database, table: string): Promise<bigint[]> =>
  (await rowsOf(db, sql<{ id: string }>`select id from ${sql.table(table)} order by id`)).map(({ id }) => BigInt(id));

/** The tables with rows, and those without. */
const tablesOf = async (db: Database): Promise<{ readonly filled: string[]; readonly empty: string[] }> => {
  const tables = await rowsOf(db, sql<{ name: string }>`select tablename as name from pg_tables where schemaname = 'public' order by 1`);
  const rows = await Promise.all(tables.map(({ name }) => rowsOf(db, sql`select from ${sql.table(name)} limit 1`)));
  const { filled = [], empty = [] } = Object.groupBy(
    tables.map(({ name }) => name),
    (_, index) => (rows[index]?.length === 1 ? "filled" : "empty"),
  );
  return { filled, empty };
};

test("U40 purges of teams, projects, organizations, accounts and users leave nothing of them, nor what an import remembers", async ({
  own: db,
  ownUrl,
}) => {
  await importRecords(db, fileText("accounting/files/all-of-sentry"), { ids: "new" });
  await expectEachBumpOnce(db);
  await using service = await serviceWith(ownUrl, {});
  const [furnished] = await idsOf(db, "organization");
  const [profile] = await idsOf(db, "user_profile");
  for (const kind of kinds) await (await makerOf(service, kind, isOwned(kind) ? profile : furnished)).create();
  const [users, organizations, projects, teams, accounts] = [
    await idsOf(db, "users"),
    await idsOf(db, "organization"),
    await idsOf(db, "project"),
    await idsOf(db, "team"),
    await idsOf(db, "account"),
  ];
  const [userId = 0n] = users;
  for (const theme of ["light", "dark"]) await service.options.setOption({ userId, key: "theme", value: toValue(theme) });
  await service.profiles.registerResources({ resources: [{ kind: "cell", ownerProfileId: profile ?? 0n, name: "x" }] });
  await service.users.createPasswordReset({ userId: users.at(-1) ?? 0n });
  const merged = await service.users.createUser({ user: { username: "merged" } });
  const pair = { fromUserId: merged.user?.id ?? 0n, toUserId: userId };
  for (const [key, text] of [
    ["theme", "light"],
    ["mine", "x"],
  ] as const)
    await service.options.setOption({ userId: pair.fromUserId, key, value: toValue(text) });
  const moved = { userId: pair.fromUserId, organizationId: furnished ?? 0n, key: "moved", value: toValue("x") };
  await service.options.setOption(moved);
  await service.users.mergeUsers({ ...pair, planEtag: (await service.users.planUserMerge(pair)).plan?.etag ?? "" });
  await sql`insert into merge_part (merge_id, table_name, column_name, from_id, to_id) select id, 'resource', 'owner_profile_id', 1, 2 from user_merge`.execute(
    db.sql,
  );
  await sql`insert into canonical_name (name, version) select username_canonical, 1 from users limit 1`.execute(db.sql);
  const origins = () => rowsOf(db, sql`select distinct kind from import_origin order by 1`);
  const all = ["account", "organization", "project", "team", "user", ...importedKinds.map(({ kind }) => kind.name)].toSorted();
  expect(await origins()).toEqual(all.map((kind) => ({ kind })));
  const empty = "make a row of the table here, so that the test sees the purge remove it";
  expect((await tablesOf(db)).empty, empty).toEqual(["audit_chain", "erasure", "idempotency", "purged_scope", "user_hold"]);
  // One of each by itself; with an organization goes the rest.
  await service.organizations.purgeTeam({ id: teams[0] ?? 0n });
  await service.organizations.purgeProject({ id: projects[0] ?? 0n });
  const left = sql`select o.kind from import_origin o where o.kind = 'team' and not exists (select from team t where t.id = o.id)
    or o.kind = 'project' and not exists (select from project p where p.id = o.id)`;
  expect(await rowsOf(db, left)).toEqual([]);
  for (const id of organizations) await service.organizations.purgeOrganization({ id });
  await service.profiles.purgeAccount({ id: accounts[0] ?? 0n });
  for (const id of users) await service.users.purgeUser({ id });
  for (const id of accounts.slice(1)) await service.profiles.purgeAccount({ id });
  expect((await tablesOf(db)).filled, "name the table in src/lifecycle/owned-tables.ts").toEqual(staying);
  expect(await origins()).toEqual([]);
  expect(await rowsOf(db, sql`select distinct scope_kind from scope_option`)).toEqual([{ scope_kind: 0 }]);
  // What an import, a merge and purges bumped is in the feed, too.
  await expectEachBumpOnce(db);
  await sequencerOf(db).run();
  await expectAllPlaced(db);
});
