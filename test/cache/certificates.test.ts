import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import type { Certificate } from "../../src/gen/userd/v1/consistency_pb.ts";
import type { SetScopeOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { createAccount, createOrganization, createProfile, createProject, createUser, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { clientKinds, test } from "../support/service.ts";

type Answer = { readonly certificate?: Certificate | undefined };

/** What the database has for the aggregates that a certificate names: the versions that the feed would tell of. */
const versionsNow = async (db: Database, { aggregates }: Certificate): Promise<readonly (readonly [string, bigint])[]> =>
  Promise.all(
    aggregates.map(async ({ aggregate }) => {
      const [kind = "", id = ""] = aggregate.split("/");
      const row =
        kind === "canonical_name"
          ? await db.session().row(sql<{ version: bigint }>`
              select version from name_version where digest = ${id}`)
          : await db
              .session()
              .row(sql<{ version: bigint }>`select version from aggregate_version where kind = ${kind} and id = ${id}::bigint`);
      return [aggregate, row?.version ?? 0n] as const;
    }),
  );

const certified = ({ certificate }: Answer): Certificate => {
  if (certificate === undefined) throw new Error("The answer has no certificate.");
  return certificate;
};

const named = (certificate: Certificate) =>
  certificate.aggregates.map(({ aggregate, version }) => [aggregate, version] as const).sort(([a], [b]) => (a < b ? -1 : 1));

/** Makes all that the reads read, and says how each of their answers is outdated, and by which aggregate. */
const world = async (clients: Clients) => {
  const { users, options, profiles } = clients;
  const organization = await createOrganization(clients);
  const project = await createProject(clients, organization.id);
  const user = await createUser(clients);
  const roleName = unique("r-");
  await users.createRole({ role: { name: roleName, permissions: ["a.b"] } });
  await users.assignRole({ userId: user.id, roleName });
  const account = await createAccount(clients);
  const profile = await createProfile(clients, user.id, account.id);
  const owner = await createProfile(clients, (await createUser(clients)).id, account.id);
  const stranger = await createProfile(clients, (await createUser(clients)).id, (await createAccount(clients)).id);
  const resource = { ref: { case: "key" as const, value: { kind: "k", ownerProfileId: owner.id, name: unique() } } };
  await profiles.registerResources({ resources: [resource.ref.value] });
  await options.setOption({ userId: user.id, key: "note", value: value(1), projectId: project.id });
  const setScope = (target: NonNullable<MessageInitShape<typeof SetScopeOptionRequestSchema>["target"]>) =>
    options.setScopeOption({ target, key: unique("k"), value: value(unique()) });
  const reads: Readonly<Record<string, () => Promise<Answer>>> = {
    GetOption: () => options.getOption({ userId: user.id, key: "note", projectId: project.id, certify: true }),
    ResolveOptions: () =>
      options.resolveOptions({ userIds: [user.id], projectId: project.id, organizationId: organization.id, certify: true }),
    GetUser: () => users.getUser({ id: user.id, certify: true }),
    "GetUser, basic": () => users.getUser({ id: user.id, view: UserView.BASIC, certify: true }),
    LookupUsers: () => users.lookupUsers({ keys: [{ key: { case: "username", value: user.username ?? "" } }], certify: true }),
    CheckAccess: () =>
      profiles.checkAccess({
        userId: user.id,
        relation: AccessRelation.READ,
        target: { case: "ownerProfileId", value: owner.id },
        certify: true,
      }),
    "CheckAccess of a resource": () =>
      profiles.checkAccess({ userId: owner.userId, target: { case: "resource", value: resource }, certify: true }),
  };
  const changes: readonly (readonly [read: string, aggregate: string, change: () => Promise<unknown>])[] = [
    ["GetOption", `user/${user.id}`, () => options.setOption({ userId: user.id, key: "note", value: value(2), projectId: project.id })],
    ["GetOption", `project/${project.id}`, () => setScope({ case: "projectId", value: project.id })],
    ["ResolveOptions", "global/0", () => setScope({ case: "globalScope", value: {} })],
    ["ResolveOptions", `project/${project.id}`, () => setScope({ case: "projectId", value: project.id })],
    ["ResolveOptions", `organization/${organization.id}`, () => setScope({ case: "organizationId", value: organization.id })],
    ["ResolveOptions", `user/${user.id}`, () => options.setOption({ userId: user.id, key: "other", value: value(2) })],
    ["GetUser", `user/${user.id}`, () => users.updateUser({ user: { id: user.id, name: unique() } })],
    ["GetUser", "roles/0", () => users.updateRole({ role: { name: roleName, permissions: ["a.b", "c.d"] } })],
    ["GetUser, basic", `user/${user.id}`, () => users.updateUser({ user: { id: user.id, name: unique() } })],
    ["CheckAccess", `user/${user.id}`, () => users.updateUser({ user: { id: user.id, isStaff: true } })],
    ["CheckAccess", `account/${account.id}`, () => createUser(clients).then(({ id }) => createProfile(clients, id, account.id))],
    ["CheckAccess", `user/${owner.userId}`, () => users.updateUser({ user: { id: owner.userId, name: unique() } })],
    [
      "CheckAccess of a resource",
      `account/${account.id}`,
      () => profiles.transferResources({ transfers: [{ resource, toProfileId: stranger.id }] }),
    ],
  ];
  return { user, profile, reads, changes, options, users, profiles };
};

describe.for(clientKinds)("%s", (kind) => {
  test("what a certificate names is what the database has, and a change moves what it names", async ({ clients, db }) => {
    const { reads, changes } = await world(clients[kind]);
    for (const [name, aggregate, change] of changes) {
      const read = reads[name] as () => Promise<Answer>;
      const loaded = certified(await read());
      const hit = certified(await read());
      expect(named(hit), `${name}, from memory`).toEqual(named(loaded));
      expect(
        [...(await versionsNow(db, hit))].sort(([a], [b]) => (a < b ? -1 : 1)),
        name,
      ).toEqual(named(hit));
      expect(hit.epoch).not.toBe("");
      expect(hit.configurationRevision).not.toBe("");
      const before = named(hit).find(([one]) => one === aggregate);
      expect(before, `${name} rests on ${aggregate}: ${named(hit).join(" ")}`).toBeDefined();
      await change();
      const after = named(certified(await read())).find(([one]) => one === aggregate);
      expect(after?.[1], `${name} after a change of ${aggregate}`).toBeGreaterThan(before?.[1] ?? 0n);
      expect(certified(await read()).epoch).toBe(hit.epoch);
    }
  });
});

test("an answer about a name rests on the name, also where nobody has it", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const username = unique("nobody-");
  const lookUp = () => users.lookupUsers({ keys: [{ key: { case: "username", value: username } }], certify: true });
  const before = certified(await lookUp());
  expect(before.aggregates).toMatchObject([{ version: 0n }]);
  expect(before.aggregates[0]?.aggregate).toMatch(/^canonical_name\/[0-9a-f]{32}$/);
  const { id } = await createUser(clients["grpc-js"], { username });
  const after = certified(await lookUp());
  expect(new Map(named(after))).toEqual(new Map(await versionsNow(db, after)));
  expect(after.aggregates.map(({ aggregate }) => aggregate)).toEqual([before.aggregates[0]?.aggregate, `user/${id}`]);
});

test("a certificate says when something expires, and that what no version tells of counts for nothing", async ({ clients }) => {
  const { users, options, profiles } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const expireTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3_600), nanos: 0 };
  await options.setOption({ userId, key: "note", value: value(1), expireTime });
  await options.setOption({ userId, key: "other", value: value(1) });
  const until = async (answer: Promise<Answer>) => {
    const { validUntil, time } = certified(await answer);
    return { validUntil: validUntil && timestampDate(validUntil).getTime(), time: time && timestampDate(time).getTime() };
  };
  const expiry = Number(expireTime.seconds) * 1_000;
  expect(await until(options.getOption({ userId, key: "note", certify: true }))).toMatchObject({ validUntil: expiry });
  expect(await until(options.getOption({ userId, key: "other", certify: true }))).toMatchObject({ validUntil: undefined });
  expect(await until(options.resolveOptions({ userIds: [userId], certify: true }))).toMatchObject({ validUntil: expiry });
  // The times of activity have no version: they count for the bound.
  const user = await until(users.getUser({ id: userId, certify: true }));
  expect((user.validUntil ?? 0) - (user.time ?? 0)).toBeLessThanOrEqual(2_000);
  const identity = { providerId: 2n ** 40n, externalId: "1" };
  const byIdentity = await until(
    users.lookupUsers({ keys: [{ key: { case: "id", value: userId } }, { key: { case: "identity", value: identity } }], certify: true }),
  );
  expect(byIdentity.validUntil).toBe(byIdentity.time);
  const unknown = await until(profiles.checkAccess({ userId, target: { case: "ownerProfileId", value: 2n ** 60n }, certify: true }));
  expect(unknown.validUntil).toBe(unknown.time);
  expect((await options.getOption({ userId, key: "note" })).certificate).toBeUndefined();
});
