import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import type { CheckAccessRequestSchema } from "../../src/gen/userd/v1/access_pb.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import type { ResourceRef } from "../../src/gen/userd/v1/resource_pb.ts";
import { createAccount, createProfile, createUser } from "../support/build.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";

const BOUND_MS = 500;
/** What the way to the service and back may add. */
const SLACK_MS = 10;
const READERS = 8;

/** Another process over the same database, which hears of writes within the bound. */
const test = base.extend("elsewhere", { scope: "file" }, async ({ databaseUrl, clients: _ }, { onCleanup }): Promise<Clients> => {
  const app = await startApp(testConfig(databaseUrl, { CACHE_STALENESS_MS: String(BOUND_MS) }), silent, { migrate: false });
  const clients = createClients(app);
  onCleanup(async () => {
    clients.close();
    await app[Symbol.asyncDispose]();
  });
  return clients.byKind["grpc-js"];
});

type Who = { readonly userId: bigint; readonly profileId: bigint };

/** A staff user, a resource of another profile of its account, and a profile of another account. */
type World = { readonly staff: Who; readonly peer: Who; readonly stranger: Who; readonly resource: Pick<ResourceRef, "ref"> };

type Revocation = readonly [
  name: string,
  revoke: (clients: Clients, who: Who, world: World) => Promise<{ readonly consistencyToken: string }>,
];

const revocations: readonly Revocation[] = [
  ["the staff flag goes", ({ users }, { userId }) => users.updateUser({ user: { id: userId, isStaff: false } })],
  ["the profile goes", ({ profiles }, { profileId }) => profiles.deleteProfile({ id: profileId })],
  ["the user is deactivated", ({ users }, { userId }) => users.deactivateUser({ id: userId })],
];

const ofResources: readonly Revocation[] = [
  [
    "the resource goes to another account",
    ({ profiles }, _, { resource, stranger }) => profiles.transferResources({ transfers: [{ resource, toProfileId: stranger.profileId }] }),
  ],
  ["the resource is unregistered", ({ profiles }, _, { resource }) => profiles.unregisterResources({ resources: [resource] })],
];

type Target = readonly [name: string, targetOf: (world: World) => MessageInitShape<typeof CheckAccessRequestSchema>["target"] & object];

const profileTarget: Target = ["a profile", ({ peer }) => ({ case: "ownerProfileId", value: peer.profileId })];
const resourceTargets: readonly Target[] = [
  ["a resource by its id", ({ resource }) => ({ case: "resource", value: resource })],
  [
    "a resource by its key",
    ({ peer }) => ({ case: "resource", value: { ref: { case: "key", value: { kind: "k", ownerProfileId: peer.profileId, name: "n" } } } }),
  ],
];

const cases = [
  ...revocations.map(([name, revoke]) => [profileTarget[0], name, profileTarget[1], revoke] as const),
  ...resourceTargets.flatMap(([target, targetOf]) => ofResources.map(([name, revoke]) => [target, name, targetOf, revoke] as const)),
];

test.for(cases)(
  "P13 elsewhere, of %s, %s: with the token never an old answer, without it never one beyond the bound",
  async ([, , targetOf, revoke], { clients, elsewhere }) => {
    const here = clients["grpc-js"];
    const { id: accountId } = await createAccount(here);
    const join = async (isStaff: boolean): Promise<Who> => {
      const { id: userId } = await createUser(here, { isStaff });
      const { id: profileId } = await createProfile(here, userId, accountId);
      return { userId, profileId };
    };
    const [staff, peer] = [await join(true), await join(false)];
    const { id: strangerId } = await createUser(here);
    const stranger = { userId: strangerId, profileId: (await createProfile(here, strangerId, (await createAccount(here)).id)).id };
    const { results } = await here.profiles.registerResources({ resources: [{ kind: "k", ownerProfileId: peer.profileId, name: "n" }] });
    const id = results[0]?.result.case === "resource" ? results[0].result.value.id : 0n;
    const world: World = { staff, peer, stranger, resource: { ref: { case: "id", value: id } } };
    const question = { userId: staff.userId, relation: AccessRelation.OWN, target: targetOf(world) };
    let revoked: { readonly token: string; readonly at: number } | undefined;
    let stop = false;
    const seen = { before: 0, after: 0, late: 0 };
    const reader = async (withToken: boolean): Promise<void> => {
      while (!stop) {
        const [known, began] = [revoked, performance.now()];
        const consistency = withToken && known ? { mode: { case: "atLeastAsFresh" as const, value: known.token } } : {};
        const { allowed } = await elsewhere.profiles.checkAccess({ ...question, consistency });
        if (known === undefined) seen.before += Number(allowed);
        else if (!allowed) seen.after += 1;
        else if (withToken || began > known.at + BOUND_MS + SLACK_MS) seen.late += 1;
      }
    };
    const readers = Array.from({ length: READERS }, (_, index) => reader(index % 2 === 0));
    await expect.poll(() => seen.before, { timeout: 10_000 }).toBeGreaterThan(READERS);
    const { consistencyToken: token } = await revoke(here, staff, world);
    revoked = { token, at: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, 2 * BOUND_MS));
    stop = true;
    await Promise.all(readers);
    expect(seen.after).toBeGreaterThan(READERS);
    expect(seen.late).toBe(0);
  },
);

test("P13 elsewhere, what was not there is seen once it is registered: with the token at once, without it within the bound", async ({
  clients,
  elsewhere,
}) => {
  const here = clients["grpc-js"];
  const { id: userId } = await createUser(here);
  const { id: ownerProfileId } = await createProfile(here, userId, (await createAccount(here)).id);
  const key = { kind: "k", ownerProfileId, name: "late" };
  const target = { case: "resource" as const, value: { ref: { case: "key" as const, value: key } } };
  const allowed = async (token?: string) => {
    const consistency = token === undefined ? {} : { mode: { case: "atLeastAsFresh" as const, value: token } };
    return (await elsewhere.profiles.checkAccess({ userId, target, consistency })).allowed;
  };
  expect([await allowed(), await allowed()]).toEqual([false, false]);
  const { consistencyToken } = await here.profiles.registerResources({ resources: [key] });
  expect(await allowed(consistencyToken)).toBe(true);
  expect(await allowed()).toBe(true);
});
