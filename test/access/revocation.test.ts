import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
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

const revocations: readonly (readonly [name: string, (clients: Clients, who: Who) => Promise<{ readonly consistencyToken: string }>])[] = [
  ["the staff flag goes", ({ users }, { userId }) => users.updateUser({ user: { id: userId, isStaff: false } })],
  ["the profile goes", ({ profiles }, { profileId }) => profiles.deleteProfile({ id: profileId })],
  ["the user is deactivated", ({ users }, { userId }) => users.deactivateUser({ id: userId })],
];

test.for(revocations)(
  "P13 elsewhere, %s: with the token never an old answer, without it never one beyond the bound",
  async ([, revoke], { clients, elsewhere }) => {
    const here = clients["grpc-js"];
    const { id: accountId } = await createAccount(here);
    const join = async (isStaff: boolean): Promise<Who> => {
      const { id: userId } = await createUser(here, { isStaff });
      const { id: profileId } = await createProfile(here, userId, accountId);
      return { userId, profileId };
    };
    const [staff, peer] = [await join(true), await join(false)];
    const question = {
      userId: staff.userId,
      relation: AccessRelation.OWN,
      target: { case: "ownerProfileId" as const, value: peer.profileId },
    };
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
    const { consistencyToken: token } = await revoke(here, staff);
    revoked = { token, at: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, 2 * BOUND_MS));
    stop = true;
    await Promise.all(readers);
    expect(seen.after).toBeGreaterThan(READERS);
    expect(seen.late).toBe(0);
  },
);
