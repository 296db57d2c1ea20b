import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../../src/db/orm.ts";
import { MergeWinner } from "../../../src/gen/userd/v1/user_merge_pb.ts";
import { type TableLife, tables } from "../../../src/lifecycle/tables.ts";
import { createAccount, createProfile, createTeam, unique } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { test } from "../../support/service.ts";
import { createTwo, type Two } from "./furnish.ts";

/** What a merge does with a table by code of its own: what is made before the merge, and what is so after it, and after its undo. */
type Apart = (
  own: Clients,
  db: Database,
  two: Two,
) => Promise<{ readonly merged: () => Promise<unknown>; readonly undone: () => Promise<unknown> }>;

const strong = { mode: { case: "fullyConsistent" as const, value: true } };

/** Adds both users to the organization, each to a team of its own. */
const addToTeams = async ({ organizations, ...own }: Clients, { from, to, organizationId }: Two) => {
  const teams = [await createTeam({ organizations }, organizationId), await createTeam({ organizations }, organizationId)];
  for (const [index, userId] of [from, to].entries()) {
    await organizations.addMember({ organizationId, userId, role: 1 });
    await organizations.addTeamMember({ teamId: teams[index]?.id ?? 0n, member: { case: "userId", value: userId } });
  }
  const teamsOf = async (userId: bigint) =>
    (await organizations.listMembers({ organizationId, pageSize: 100, consistency: strong })).members.find((one) => one.userId === userId)
      ?.teamIds;
  return { own, ids: teams.map(({ id }) => id), teamsOf };
};

const apart: Readonly<Record<string, Apart>> = {
  users: async ({ users }, _, { from, to }) => {
    await users.updateUser({ user: { id: from, name: "Source", isStaff: true }, updateMask: { paths: ["name", "is_staff"] } });
    await users.updateUser({ user: { id: to, name: "Target" }, updateMask: { paths: ["name"] } });
    const shown = async (id: bigint) => (await users.getUser({ id, consistency: strong })).user;
    return {
      merged: async () => {
        expect(await shown(to)).toMatchObject({ name: "Target", isStaff: false, mergedIntoUserId: 0n });
        expect(await shown(from)).toMatchObject({ mergedIntoUserId: to });
      },
      undone: async () => {
        expect(await shown(from)).toMatchObject({ name: "Source", isStaff: true, mergedIntoUserId: 0n });
      },
    };
  },
  user_activity: async (_, db, { from, to }) => {
    const [early, late] = ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"];
    await sql`
      insert into user_activity (user_id, last_login, last_active) values (${from}, ${late}, ${early}), (${to}, ${early}, ${late})
      on conflict (user_id) do update set last_login = excluded.last_login, last_active = excluded.last_active`.execute(db.sql);
    const seen = async (id: bigint) => {
      const { rows } = await sql<{ last_login: Date; last_active: Date }>`
        select last_login, last_active from user_activity where user_id = ${id}`.execute(db.sql);
      return [rows[0]?.last_login.toISOString(), rows[0]?.last_active.toISOString()];
    };
    const [before, after] = [new Date(early).toISOString(), new Date(late).toISOString()];
    return {
      merged: async () => expect(await seen(to)).toEqual([after, after]),
      undone: async () => expect(await seen(from)).toEqual([after, before]),
    };
  },
  user_search: async ({ users }, _, { from, to }) => {
    const email = `${unique("searched-")}@example.com`;
    await users.addUserEmail({ userId: from, email });
    const found = async () => (await users.listUserIds({ search: email, consistency: strong })).ids;
    return { merged: async () => expect(await found()).toEqual([to]), undone: async () => expect(await found()).toEqual([from]) };
  },
  user_profile: async (own, _, { from, to, fromProfile, toProfile }) => {
    const { id: accountId } = await createAccount(own);
    const alone = await createProfile(own, from, accountId, { name: "Alone" });
    const shown = async (userId: bigint) =>
      (await own.profiles.getProfile({ key: { case: "pair", value: { userId, accountId } }, consistency: strong })).profile;
    const byId = async (id: bigint) =>
      (await own.profiles.getProfile({ key: { case: "id", value: id }, consistency: strong })).profile?.userId;
    return {
      merged: async () => {
        expect(await shown(to)).toMatchObject({ name: "Alone", userId: to });
        expect(await byId(toProfile)).toBe(to);
      },
      undone: async () => {
        expect(await shown(from)).toMatchObject({ id: alone.id, name: "Alone" });
        expect([await byId(fromProfile), await byId(toProfile)]).toEqual([from, to]);
      },
    };
  },
  team_member: async (own, _, two) => {
    const { ids, teamsOf } = await addToTeams(own, two);
    return {
      merged: async () => {
        expect(await teamsOf(two.to)).toEqual(ids);
        expect(await teamsOf(two.from)).toBeUndefined();
      },
      undone: async () => expect([await teamsOf(two.from), await teamsOf(two.to)]).toEqual(ids.map((id) => [id])),
    };
  },
};

test("U42 each table whose merge is code of its own is tried below", () => {
  const declared = Object.entries<TableLife>(tables).flatMap(([table, { merge }]) => (merge.as === "apart" ? [table] : []));
  expect(Object.keys(apart).toSorted()).toEqual(declared.toSorted());
});

const winners = [MergeWinner.TARGET, MergeWinner.SOURCE, MergeWinner.NEWEST];

test.for(Object.entries(apart).flatMap(([table, one]) => winners.map((winner) => [table, winner, one] as const)))(
  "U42 %s is merged by its own rule, whatever the policy (%s), and comes back",
  async ([, winner, make], { clients, db }) => {
    const own = clients["grpc-js"];
    const two = await createTwo(own);
    const { merged, undone } = await make(own, db, two);
    const users = { fromUserId: two.from, toUserId: two.to, policy: { winner } };
    await own.users.mergeUsers({ ...users, planEtag: (await own.users.planUserMerge(users)).plan?.etag ?? "" });
    await merged();
    expect((await own.users.undoUserMerge({ fromUserId: two.from })).notUndone).toEqual([]);
    await undone();
  },
);
