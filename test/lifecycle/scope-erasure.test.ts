import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import type { ErasurePlan, ErasureReceipt } from "../../src/gen/userd/v1/user_erasure_pb.ts";
import { ErasedKind } from "../../src/gen/userd/v1/user_erasure_pb.ts";
import { readLedger } from "../../src/lifecycle/erasure/ledger.ts";
import { createReceipts, type ErasedKind as Kind, verifiedStatement } from "../../src/lifecycle/erasure/receipts.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { OPTIONS_AT_ONCE } from "../../src/lifecycle/remove-scopes.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { test as base } from "../import/fixture.ts";
import { isOwned, makerOf } from "../kinds/maker.ts";
import { serviceWith } from "../options/service-with.ts";
import {
  actingAs,
  createAccount,
  createOrganization,
  createProfile,
  createProject,
  createTeam,
  createUser,
  value,
} from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { collect } from "../support/collect.ts";
import { secretKey, silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

const { publicKey, subjectOf } = createReceipts(secretKey, undefined);

type Scope = { readonly kind: Exclude<Kind, "user">; readonly id: bigint };

const nobody = 9_000_000_000_000n;

/** A loaded machine takes longer to plan so many tables than a read has by default. */
const patient = { timeoutMs: 60_000 };

/** The RPCs by which something is planned, purged and looked for. */
const rpcsOf = ({ organizations, profiles, users }: Clients, { kind, id }: Scope) =>
  ({
    organization: {
      plan: () => organizations.planOrganizationErasure({ organizationId: id }, patient),
      purge: (more: object = {}) => organizations.purgeOrganization({ id, ...more }, patient),
      erasures: () => users.listErasures({ organizationId: id }),
    },
    project: {
      plan: () => organizations.planProjectErasure({ projectId: id }, patient),
      purge: (more: object = {}) => organizations.purgeProject({ id, ...more }, patient),
      erasures: () => users.listErasures({ projectId: id }),
    },
    team: {
      plan: () => organizations.planTeamErasure({ teamId: id }, patient),
      purge: (more: object = {}) => organizations.purgeTeam({ id, ...more }, patient),
      erasures: () => users.listErasures({ teamId: id }),
    },
    account: {
      plan: () => profiles.planAccountErasure({ accountId: id }, patient),
      purge: (more: object = {}) => profiles.purgeAccount({ id, ...more }, patient),
      erasures: () => users.listErasures({ accountId: id }),
    },
  })[kind];

const scopeKinds = ["organization", "project", "team", "account"] as const;

/** Makes an organization with everything in it, and an account with a profile that owns everything. */
const furnish = async (own: Clients) => {
  const user = await createUser(own);
  const userId = user.id;
  const { id: organizationId } = await createOrganization(own, {}, userId);
  const [project, team] = [await createProject(own, organizationId), await createTeam(own, organizationId)];
  await own.organizations.addTeamMember({ teamId: team.id, member: { case: "userId", value: userId } });
  await own.organizations.addProjectTeam({ projectId: project.id, teamId: team.id });
  const { provider } = await own.users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  await own.users.linkAuthIdentity({ userId, providerId: provider?.id ?? 0n, externalId: "7" });
  for (const scope of [{ organizationId }, { projectId: project.id }, {}])
    for (const text of ["a", "b"]) await own.options.setOption({ userId, key: "k", value: value(text), ...scope });
  for (const target of [
    { case: "organizationId" as const, value: organizationId },
    { case: "projectId" as const, value: project.id },
  ])
    await own.options.setScopeOption({ target, key: "k", value: value(1) });
  const { id: accountId } = await createAccount(own);
  const profile = await createProfile(own, userId, accountId);
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: "a" }] });
  for (const kind of kinds) {
    const maker = await makerOf(own, kind, isOwned(kind) ? profile.id : organizationId);
    await maker.create();
  }
  return { userId, ids: { organization: organizationId, project: project.id, team: team.id, account: accountId } };
};

/** The tables that every write writes to. */
const ofWrites = new Set(["changes", "feed", "feed_head", "version_bump", "aggregate_version", "name_version", "erasure", "idempotency"]);

/** The number of rows of each other table. */
const countTables = async (db: Database): Promise<Readonly<Record<string, number>>> => {
  const { rows: tables } = await sql<{ name: string }>`select tablename as name from pg_tables where schemaname = 'public'`.execute(db.sql);
  const counts = tables
    .filter(({ name }) => !ofWrites.has(name) && !name.startsWith("changes_"))
    .map(({ name }) => sql`select ${sql.lit(name)} as name, count(*)::int as count from ${sql.table(name)}`);
  const { rows } = await sql<{ name: string; count: number }>`${sql.join(counts, sql` union all `)}`.execute(db.sql);
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
};

const removedIn = (plan: ErasurePlan | undefined): Record<string, number> =>
  Object.fromEntries(plan?.counts.filter(({ removed }) => removed > 0n).map(({ table, removed }) => [table, Number(removed)]) ?? []);

const numbersIn = (plan: ErasurePlan | undefined): Record<string, number> =>
  Object.fromEntries(plan?.counts.map(({ table, removed, cleared }) => [table, Number(removed + cleared)]) ?? []);

const contentOf = (receipt: ErasureReceipt | undefined) =>
  verifiedStatement({ statement: receipt?.statement ?? "", signature: receipt?.signature ?? new Uint8Array() }, publicKey);

base(
  "U40 a plan says what a purge of each team, project, organization and account removes, and its receipt says the same",
  { timeout: 120_000 },
  async ({ own: db, ownUrl }) => {
    await using own = await serviceWith(ownUrl, {});
    const { userId, ids } = await furnish(own);
    const ofOrganization = { organizationId: ids.organization, pageSize: 1_000 };
    const { teams } = await own.organizations.listTeams(ofOrganization);
    const { projects } = await own.organizations.listProjects(ofOrganization);
    const scopes: readonly Scope[] = [
      ...teams.slice(1).map(({ id }): Scope => ({ kind: "team", id })),
      ...projects.slice(1).map(({ id }): Scope => ({ kind: "project", id })),
      ...(["organization", "account"] as const).map((kind): Scope => ({ kind, id: ids[kind] })),
    ];
    const planned = new Set<string>();
    for (const scope of scopes) {
      const rpcs = rpcsOf(own, scope);
      const { plan } = await rpcs.plan();
      const before = await countTables(db);
      await rpcs.purge({ validateOnly: true });
      expect(await countTables(db)).toEqual(before);
      expect((await rpcs.erasures()).erasures).toEqual([]);
      const { receipt } = await rpcs.purge();
      const after = await countTables(db);
      const removed = Object.entries(before).flatMap(([table, count]) =>
        count === after[table] ? [] : [[table, count - (after[table] ?? 0)]],
      );
      expect(removedIn(plan), `${scope.kind} ${scope.id}`).toEqual(Object.fromEntries(removed));
      expect(contentOf(receipt)).toMatchObject({ kind: scope.kind, subject: subjectOf(scope), tables: numbersIn(plan) });
      expect(contentOf(receipt)?.later).toBeUndefined();
      expect((await rpcs.erasures()).erasures).toMatchObject([{ kind: ErasedKind[scope.kind.toUpperCase() as "TEAM"], receipt }]);
      for (const { table } of plan?.counts ?? []) planned.add(table);
    }
    const ofKinds = kinds.flatMap(({ table, links }) => [table, ...links.map((link) => link.table)]);
    expect([...planned]).toEqual(
      expect.arrayContaining([...ofKinds, "auth_identity", "organization_member", "option_revision", "user_profile"]),
    );
    // Who was in all of them stays.
    expect((await own.users.getUser({ id: userId })).user?.id).toBe(userId);
  },
);

describe.for(scopeKinds)("%s", (kind) => {
  const createScope = async (own: Clients): Promise<Scope> => {
    if (kind === "account") return { kind, id: (await createAccount(own)).id };
    const { id } = await createOrganization(own);
    if (kind === "organization") return { kind, id };
    return { kind, id: (kind === "project" ? await createProject(own, id) : await createTeam(own, id)).id };
  };

  test("U40 what is not there is neither planned nor purged, and who lacks users.admin does neither", async ({ clients }) => {
    const own = clients["grpc-js"];
    const reason = `${kind.toUpperCase()}_NOT_FOUND` as const;
    const rpcs = rpcsOf(own, { kind, id: nobody } as Scope);
    await expectRefusal(rpcs.plan(), "NotFound", reason as "TEAM_NOT_FOUND");
    await expectRefusal(rpcs.purge(), "NotFound", reason as "TEAM_NOT_FOUND");
    for (const id of [0n, -1n]) {
      const bad = rpcsOf(own, { kind, id } as Scope);
      await expectRefusal(bad.plan(), "InvalidArgument", "FIELD_INVALID");
      await expectRefusal(bad.purge(), "InvalidArgument", "FIELD_INVALID");
    }
  });

  test("U40 a purge that can't be written to the ledger is not done; one that can stands there, and is told by its id", async ({
    clients,
    databaseUrl,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), "userd-ledger-"));
    const ledger = join(folder, "erasures");
    await using own = await serviceWith(databaseUrl, { ERASURE_LEDGER: ledger });
    const [first, second] = [await createScope(clients["grpc-js"]), await createScope(clients["grpc-js"])];
    await rpcsOf(own, first).purge();
    expect((await collect(readLedger(ledger, publicKey))).map(({ subject }) => subject)).toEqual([subjectOf(first)]);
    await rm(folder, { recursive: true });
    await expectRefusal(rpcsOf(own, second).purge(), "Unavailable", "LEDGER_UNAVAILABLE");
    await rpcsOf(own, second).plan();
    const { erasures } = await rpcsOf(own, first).erasures();
    expect(erasures).toHaveLength(1);
    expect((await rpcsOf(own, second).erasures()).erasures).toEqual([]);
  });
});

test("U40 erasures are listed of one id at most", async ({ clients }) => {
  const { fields } = await expectRefusal(
    clients["grpc-js"].users.listErasures({ userId: 1n, teamId: 1n }),
    "InvalidArgument",
    "FIELD_INVALID",
  );
  expect(fields).toEqual([""]);
  await expectRefusal(clients["grpc-js"].users.listErasures({ accountId: -1n }), "InvalidArgument", "FIELD_INVALID");
});

test("U40 what the purger removes when its grace period is over has a receipt, too", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const { id } = await createOrganization(own);
  const [project, team] = [await createProject(own, id), await createTeam(own, id)];
  await own.organizations.deleteProject({ id: project.id });
  await own.organizations.deleteTeam({ id: team.id });
  for (const [table, due] of [
    ["project", project.id],
    ["team", team.id],
  ] as const)
    await sql`update ${sql.table(table)} set purge_time = now() where id = ${due}`.execute(db.sql);
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  await purger.purge();
  for (const scope of [
    { kind: "project", id: project.id },
    { kind: "team", id: team.id },
  ] as const) {
    const { erasures } = await rpcsOf(own, scope).erasures();
    expect(erasures.map(({ receipt }) => contentOf(receipt)?.tables)).toEqual([{ [scope.kind]: 1 }]);
  }
  expect((await own.users.listErasures({ organizationId: id })).erasures).toEqual([]);
});

test("U40 options that are too many to be removed at once are not counted, in the plan and in the receipt", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const { id: userId } = await createUser(own);
  const { id: organizationId } = await createOrganization(own);
  await sql`
    insert into scope_option (scope_kind, scope_id, key, value)
    select 1, ${organizationId}, 'key-' || n, '1' from generate_series(1, ${OPTIONS_AT_ONCE + 1}::int) n`.execute(db.sql);
  await own.options.setOption({ userId, organizationId, key: "k", value: value(1) });
  const later = ["option_revision", "scope_option", "user_option"];
  const { plan } = await own.organizations.planOrganizationErasure({ organizationId });
  expect(plan?.laterTables).toEqual(later);
  expect(numbersIn(plan)).toEqual({ organization: 1 });
  const { receipt } = await own.organizations.purgeOrganization({ id: organizationId });
  expect(contentOf(receipt)).toMatchObject({ later, tables: { organization: 1 } });
});

test("an account that was purged is gone by its id and its number, which another one can have", async ({ clients }) => {
  const own = clients["grpc-js"];
  const user = await createUser(own);
  const account = await createAccount(own);
  const profile = await createProfile(own, user.id, account.id);
  const { number } = (await own.profiles.getAccount({ key: { case: "id", value: account.id } })).account ?? { number: "" };
  await own.profiles.getAccount({ key: { case: "number", value: number } });
  const { consistencyToken } = await own.profiles.purgeAccount({ id: account.id });
  const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
  await expectRefusal(own.profiles.getAccount({ key: { case: "id", value: account.id }, consistency }), "NotFound", "ACCOUNT_NOT_FOUND");
  await expectRefusal(own.profiles.getAccount({ key: { case: "number", value: number }, consistency }), "NotFound", "ACCOUNT_NOT_FOUND");
  await expectRefusal(own.profiles.getProfile({ key: { case: "id", value: profile.id }, consistency }), "NotFound", "PROFILE_NOT_FOUND");
  const again = await createAccount(own, { number });
  expect(again.id).toBeGreaterThan(account.id);
  await expectRefusal(own.profiles.purgeAccount({ id: again.id }, actingAs(user.id)), "PermissionDenied", "PERMISSION_REQUIRED");
});
