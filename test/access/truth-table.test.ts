import { describe, expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { callerOf, type Shown } from "../kinds/maker.ts";
import { actingAs, createAccount, createProfile, createUser } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { createThings, ownersInScope } from "./scope-in-sql.ts";
import { test as base, policyNames } from "./services.ts";

const UNKNOWN_USER = 9_000_000_000_000n;

/** The table of behaviours/profiles.md, row by row; a dot = there is no such owner. */
const rows = {
  owner_only: `
    unknown      .   -   -   -   -   -
    anonymous    .   -   -   -   -   -
    inactive     -   -   -   -   -   -
    suspended    -   -   -   -   -   -
    deleted      -   -   -   -   -   -
    superuser    RO  RO  RO  RO  RO  RO
    bareSuper    .   RO  RO  RO  RO  RO
    staff        RO  RO  RO  R   -   -
    regular      RO  R   -   R   -   -
    noProfile    .   -   -   -   -   -`,
  account_wide: `
    unknown      .   -   -   -   -   -
    anonymous    .   -   -   -   -   -
    inactive     -   -   -   -   -   -
    suspended    -   -   -   -   -   -
    deleted      -   -   -   -   -   -
    superuser    RO  RO  RO  RO  RO  RO
    bareSuper    .   RO  RO  RO  RO  RO
    staff        RO  RO  RO  R   R   -
    regular      RO  R   R   R   R   -
    noProfile    .   -   -   -   -   -`,
};

const columns = ["self", "admin", "peer", "platformAdmin", "platformOther", "unrelated"] as const;

type Column = (typeof columns)[number];

const cells = policyNames.flatMap((policy) =>
  rows[policy]
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [asking = "", ...allowed] = line.trim().split(/\s+/);
      return columns.flatMap((owner, index) => (allowed[index] === "." ? [] : [{ policy, asking, owner, allowed: allowed[index] ?? "" }]));
    }),
);

const plugin = kinds.find(({ name }) => name === "plugin") as Kind;

type World = {
  /** The plugins of profiles, by the id of the profile. */
  readonly plugins: ReadonlyMap<bigint, bigint>;
  readonly askers: Readonly<Record<string, { userId: bigint; profileId: bigint }>>;
  readonly owners: Readonly<Record<Exclude<Column, "self">, bigint>>;
};

const build = async (clients: Clients): Promise<World> => {
  const { users, profiles } = clients;
  const [account, platform, unrelated] = [
    await createAccount(clients),
    await createAccount(clients, { isPlatform: true }),
    await createAccount(clients),
  ];
  const member = async (accountId: bigint, flags: Parameters<typeof createUser>[1] = {}) => {
    const { id: userId } = await createUser(clients, flags);
    const { id: profileId } = await createProfile(clients, userId, accountId);
    return { userId, profileId };
  };
  const owners = {
    admin: (await member(account.id, { isStaff: true })).profileId,
    peer: (await member(account.id)).profileId,
    platformAdmin: (await member(platform.id, { isStaff: true })).profileId,
    platformOther: (await member(platform.id)).profileId,
    unrelated: (await member(unrelated.id, { isStaff: true })).profileId,
  };
  const bare = async (flags: Parameters<typeof createUser>[1] = {}) => ({ userId: (await createUser(clients, flags)).id, profileId: 0n });
  const askers = {
    unknown: { userId: UNKNOWN_USER, profileId: 0n },
    anonymous: { userId: 0n, profileId: 0n },
    inactive: await member(account.id, { isStaff: true }),
    suspended: await member(account.id),
    deleted: await member(account.id, { isSuperuser: true }),
    superuser: await member(account.id, { isSuperuser: true, isStaff: true }),
    bareSuper: await bare({ isSuperuser: true }),
    staff: await member(account.id, { isStaff: true }),
    regular: await member(account.id),
    noProfile: await bare({ isStaff: true }),
  };
  await users.deactivateUser({ id: askers.inactive.userId });
  await users.suspendUser({ id: askers.suspended.userId });
  await users.deleteUser({ id: askers.deleted.userId });
  const everybody = [...Object.values(owners), ...Object.values(askers).map(({ profileId }) => profileId)].filter((id) => id !== 0n);
  await profiles.registerResources({ resources: everybody.map((ownerProfileId) => ({ kind: "cell", ownerProfileId, name: "x" })) });
  const plugins = new Map<bigint, bigint>();
  for (const ownerProfileId of everybody) {
    const created = (await callerOf(clients, plugin).call("Create", { plugin: { ownerProfileId, name: "x" } }))["plugin"] as Shown;
    plugins.set(ownerProfileId, created.id);
  }
  return { askers, owners, plugins };
};

const test = base.extend("world", { scope: "file" }, async ({ policies, db }): Promise<World> => {
  const world = await build(policies.owner_only);
  await createThings(db);
  return world;
});

/** What a call came to: "done", or the number of the error. */
const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: { readonly code: number }) => error.code,
  );

/** What writes come to: PERMISSION_DENIED for what may only be read, NOT_FOUND for what may not. */
const outcomes: Readonly<Record<string, unknown>> = { RO: "done", R: 7, "-": 5 };

const relations = [
  [AccessRelation.READ, "R"],
  [AccessRelation.OWN, "O"],
] as const;

describe("P9 P11 P12 who may read, who owns", () => {
  test.for(cells)("$policy: $asking, $owner: $allowed", async ({ policy, asking, owner, allowed }, { policies, world, db }) => {
    const { profiles } = policies[policy];
    const { userId, profileId } = world.askers[asking] ?? { userId: 0n, profileId: 0n };
    const ownerProfileId = owner === "self" ? profileId : world.owners[owner];
    for (const [relation, letter] of relations) {
      const expected = allowed.includes(letter);
      const target = { case: "ownerProfileId" as const, value: ownerProfileId };
      const resource = {
        case: "resource" as const,
        value: { ref: { case: "key" as const, value: { kind: "cell", ownerProfileId, name: "x" } } },
      };
      const checked = await profiles.checkAccess({ userId, relation, target });
      expect(checked.allowed).toBe(expected);
      const { results } = await profiles.batchCheckAccess({
        checks: [
          { userId, relation, target },
          { userId, relation, target: resource },
        ],
      });
      expect(results).toMatchObject([
        { allowed: expected, rule: checked.rule },
        { allowed: expected, rule: checked.rule },
      ]);
      const scope = await profiles.getAccessScope({ userId, relation });
      expect((await ownersInScope(db, scope)).includes(ownerProfileId)).toBe(expected);
      const { resources } = await profiles.listResources({ kind: "cell", relation, userId, pageSize: 1_000 });
      expect(resources.some((one) => one.ownerProfileId === ownerProfileId)).toBe(expected);
      const listed = await profiles.listProfiles({ asUserId: userId, relation, pageSize: 1_000 });
      expect(listed.profiles.some(({ id }) => id === ownerProfileId)).toBe(expected);
    }
  });

  test.for(cells)("$policy: $asking, a plugin of $owner: $allowed", async ({ policy, asking, owner, allowed }, { policies, world }) => {
    const { call } = callerOf(policies[policy], plugin);
    const { userId, profileId } = world.askers[asking] ?? { userId: 0n, profileId: 0n };
    const ownerProfileId = owner === "self" ? profileId : world.owners[owner];
    const id = world.plugins.get(ownerProfileId) ?? 0n;
    const listed = async (query: object, options?: object) =>
      ((await call("List", { ownerProfileId, ...query }, options))["plugins"] as Shown[]).map((one) => one.id);
    const seen = (is: boolean) => (is ? [id] : []);
    for (const [relation, letter] of relations) {
      const filter = relation === AccessRelation.OWN ? `owned(${userId})` : `readable(${userId})`;
      expect(await listed({ asUserId: userId, relation })).toEqual(seen(allowed.includes(letter)));
      expect(await listed({ filter })).toEqual(seen(allowed.includes(letter)));
      expect(await listed({ filter: `!(${filter})` })).toEqual(seen(!allowed.includes(letter)));
    }
    if (userId === 0n) return;
    const acting = actingAs(userId);
    const isRead = allowed.includes("R");
    if (["unknown", "inactive", "suspended", "deleted"].includes(asking)) {
      await expectRefusal(call("BatchGet", { ids: [id] }, acting), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
      await expectRefusal(call("Delete", { id, validateOnly: true }, acting), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
      return;
    }
    expect(await outcomeOf(call("Get", { key: { case: "id", value: id } }, acting))).toBe(isRead ? "done" : 5);
    expect((await call("BatchGet", { ids: [id] }, acting))["plugins"]).toHaveLength(isRead ? 1 : 0);
    expect(await outcomeOf(listed({}, acting))).toBe(isRead ? "done" : 5);
    const writes = [
      call("Create", { plugin: { ownerProfileId, name: "y" }, validateOnly: true }, acting),
      call("Update", { plugin: { id, author: asking } }, acting),
      call("Delete", { id, validateOnly: true }, acting),
    ];
    expect(await Promise.all(writes.map(outcomeOf))).toEqual(Array(3).fill(outcomes[allowed]));
  });
});
