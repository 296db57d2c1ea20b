import { sql } from "kysely";
import { expect } from "vitest";
import { AuditOperation } from "../../../src/gen/userd/v1/audit_entry_pb.ts";
import { MemberRole } from "../../../src/gen/userd/v1/member_pb.ts";
import { MergeWinner } from "../../../src/gen/userd/v1/user_merge_pb.ts";
import { UserView } from "../../../src/gen/userd/v1/user_pb.ts";
import { LookupStatus } from "../../../src/gen/userd/v1/user_service_pb.ts";
import { closeMerges } from "../../../src/lifecycle/merge/close-merges.ts";
import { createAccount, createOrganization, createProfile, createTeam, createUser, unique, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { expectRefusal } from "../../support/errors.ts";
import { test } from "../../support/service.ts";

const etagOf = async ({ users }: Clients, fromUserId: bigint, toUserId: bigint): Promise<string> =>
  (await users.planUserMerge({ fromUserId, toUserId })).plan?.etag ?? "";

const merge = async (own: Clients, fromUserId: bigint, toUserId: bigint) =>
  own.users.mergeUsers({ fromUserId, toUserId, planEtag: await etagOf(own, fromUserId, toUserId) });

const lookUp = async (
  { users }: Clients,
  ...keys: readonly { case: "id"; value: bigint }[] | readonly { case: "username" | "email" | "externalId"; value: string }[]
) => {
  const { results } = await users.lookupUsers({ keys: keys.map((key) => ({ key })), view: UserView.BASIC });
  return results.map(({ status, user, userIds }) => ({ status, id: user?.id ?? userIds[0] }));
};

test("U41 a plan changes nothing, and rests on what it shows", async ({ clients }) => {
  const own = clients["grpc-js"];
  const [from, to] = [await createUser(own), await createUser(own)];
  await own.options.setOption({ userId: from.id, key: "plan", value: value("dark") });
  await own.options.setOption({ userId: to.id, key: "plan", value: value("light") });
  const users = { fromUserId: from.id, toUserId: to.id };
  const { plan } = await own.users.planUserMerge(users);
  expect(plan?.counts).toMatchObject([
    { table: "option_revision", before: 1n, kept: 1n },
    { table: "user_email", before: 1n, moved: 1n },
    { table: "user_option", before: 1n, discarded: 1n },
  ]);
  const [conflict] = plan?.conflicts ?? [];
  expect(conflict).toMatchObject({ table: "user_option", key: "0/0/plan", winner: MergeWinner.TARGET });
  expect([conflict?.source, conflict?.target].map((row) => JSON.parse(row ?? "").value)).toEqual(["dark", "light"]);
  expect((await own.users.planUserMerge(users)).plan).toEqual(plan);
  expect((await own.users.getUser({ id: from.id })).user).toEqual(from);

  const planEtag = plan?.etag ?? "";
  await own.users.mergeUsers({ ...users, planEtag, validateOnly: true });
  await own.options.setOption({ userId: from.id, key: "plan", value: value("darker") });
  await expectRefusal(own.users.mergeUsers({ ...users, planEtag }), "Aborted", "PLAN_OUTDATED");
  expect((await own.users.getUser({ id: from.id })).user?.deleteTime).toBeUndefined();
});

test("U41 a policy about a single conflict goes before its table's and the default, and one about nothing is refused", async ({
  clients,
}) => {
  const own = clients["grpc-js"];
  const [from, to] = [await createUser(own), await createUser(own)];
  for (const key of ["a", "b"]) {
    await own.options.setOption({ userId: from.id, key, value: value("source") });
    await own.options.setOption({ userId: to.id, key, value: value("target") });
  }
  const users = { fromUserId: from.id, toUserId: to.id };
  const table = "user_option";
  const policy = {
    winner: MergeWinner.TARGET,
    tables: [{ table, winner: MergeWinner.SOURCE }],
    conflicts: [{ table, key: "0/0/b", winner: MergeWinner.TARGET }],
  };
  const { plan } = await own.users.planUserMerge({ ...users, policy });
  expect(plan?.conflicts.map(({ key, winner }) => [key, winner])).toEqual([
    ["0/0/a", MergeWinner.SOURCE],
    ["0/0/b", MergeWinner.TARGET],
  ]);
  // What was planned by one policy is not done by another.
  await expectRefusal(own.users.mergeUsers({ ...users, planEtag: plan?.etag ?? "" }), "Aborted", "PLAN_OUTDATED");
  for (const wrong of [{ tables: [{ table: "changes" }] }, { conflicts: [{ table, key: "0/0/c" }] }])
    await expectRefusal(own.users.planUserMerge({ ...users, policy: wrong }), "InvalidArgument", "FIELD_INVALID");
});

test("U42 the source is a name of the target: look-ups, sign-in, memberships, profiles and tokens", async ({ clients }) => {
  const own = clients["grpc-js"];
  const from = await createUser(own, { username: unique("old"), externalId: unique("ext") });
  const to = await createUser(own);
  const { id: organizationId } = await createOrganization(own);
  const team = await createTeam(own, organizationId);
  for (const [userId, role] of [
    [from.id, MemberRole.OWNER],
    [to.id, MemberRole.MEMBER],
  ] as const)
    await own.organizations.addMember({ organizationId, userId, role });
  await own.organizations.addTeamMember({ teamId: team.id, member: { case: "userId", value: from.id } });
  const [shared, alone] = [await createAccount(own), await createAccount(own)];
  const profiles = [
    await createProfile(own, from.id, shared.id),
    await createProfile(own, from.id, alone.id),
    await createProfile(own, to.id, shared.id),
  ];
  for (const profile of profiles)
    await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: `of ${profile.id}` }] });
  await own.users.setPassword({ userId: to.id, password: "correct horse battery" });

  const { consistencyToken, user } = await merge(own, from.id, to.id);
  expect(user?.id).toBe(to.id);
  expect(user?.emails.map(({ email }) => email).toSorted()).toEqual([from.email, to.email].toSorted());
  const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
  const { user: source } = await own.users.getUser({ id: from.id, consistency });
  expect(source).toMatchObject({ mergedIntoUserId: to.id, email: "", emails: [], username: from.username });
  expect(await lookUp(own, { case: "id", value: from.id })).toEqual([{ status: LookupStatus.MERGED, id: to.id }]);
  expect(
    await lookUp(
      own,
      { case: "username", value: from.username ?? "" },
      { case: "email", value: from.email ?? "" },
      { case: "externalId", value: from.externalId ?? "" },
    ),
  ).toEqual(Array.from({ length: 3 }, () => ({ status: LookupStatus.FOUND, id: to.id })));
  for (const signIn of [
    { case: "username" as const, value: from.username ?? "" },
    { case: "email" as const, value: to.email ?? "" },
  ])
    expect((await own.users.verifyPassword({ user: signIn, password: "correct horse battery" })).user?.id).toBe(to.id);

  const { members } = await own.organizations.listMembers({ organizationId });
  expect(members).toMatchObject([{ userId: to.id, role: MemberRole.OWNER }]);
  expect((await own.organizations.listMembers({ organizationId, teamId: team.id })).members).toHaveLength(1);
  const owned = (await own.profiles.listProfiles({ filter: { node: { case: "expression", value: `user_id == ${to.id}` } } })).profiles;
  expect(owned.map(({ accountId }) => accountId).toSorted()).toEqual([shared.id, alone.id].toSorted());
  expect((await own.profiles.listProfiles({ filter: { node: { case: "expression", value: `user_id == ${from.id}` } } })).profiles).toEqual(
    [],
  );
  const { resources } = await own.profiles.listResources({ kind: "page", userId: to.id });
  expect(resources.map(({ name }) => name).toSorted()).toEqual(profiles.map(({ id }) => `of ${id}`).toSorted());

  const { auditEntries } = await own.changes.listAuditEntries({ filter: { userId: from.id, kinds: ["user_merge"] } });
  expect(auditEntries).toMatchObject([{ operation: AuditOperation.INSERT, key: String(to.id) }]);
});

test("U42 bad merges have their reasons", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const [from, to, gone, merged, other] = await Promise.all(Array.from({ length: 5 }, () => createUser(own)));
  if (!(from && to && gone && merged && other)) throw new Error("no users");
  const system = await createUser(own, { username: "sentry" });
  const held = await createUser(own);
  await own.users.deleteUser({ id: gone.id });
  await own.users.setUserHold({ userId: held.id, reason: "case 7" });
  await merge(own, merged.id, other.id);
  const refused = async (
    pair: { fromUserId: bigint; toUserId: bigint },
    code: Parameters<typeof expectRefusal>[1],
    reason: Parameters<typeof expectRefusal>[2],
  ) => {
    await expectRefusal(own.users.planUserMerge(pair), code, reason);
    await expectRefusal(own.users.mergeUsers({ ...pair, planEtag: "x" }), code, reason);
  };
  await refused({ fromUserId: from.id, toUserId: from.id }, "InvalidArgument", "FIELD_INVALID");
  for (const [id, code, reason] of [
    [9_000_000_000_000n, "NotFound", "USER_NOT_FOUND"],
    [gone.id, "FailedPrecondition", "USER_DELETED"],
    [merged.id, "FailedPrecondition", "USER_MERGED"],
    [held.id, "FailedPrecondition", "USER_HELD"],
    [system.id, "FailedPrecondition", "SYSTEM_USER"],
  ] as const) {
    await refused({ fromUserId: from.id, toUserId: id }, code, reason);
    await refused({ fromUserId: id, toUserId: to.id }, code, reason);
  }
  for (const { id } of [from, to])
    await sql`insert into user_option (user_id, scope_kind, scope_id, key, value) select ${id}, 0, 0, 'k' || n, '1' from generate_series(1, 10001) n`.execute(
      db.sql,
    );
  await refused({ fromUserId: from.id, toUserId: to.id }, "FailedPrecondition", "MERGE_TOO_LARGE");
  const { info } = await expectRefusal(own.users.undeleteUser({ id: merged.id }), "FailedPrecondition", "USER_MERGED");
  expect(info?.metadata["merged_into_user_id"]).toBe(String(other.id));
});

test("U42 a merge of a merge is a name of the last target, and is undone from the end", async ({ clients }) => {
  const own = clients["grpc-js"];
  const [a, b, c] = [await createUser(own), await createUser(own), await createUser(own)];
  await merge(own, a.id, b.id);
  await merge(own, b.id, c.id);
  expect((await own.users.getUser({ id: a.id })).user?.mergedIntoUserId).toBe(c.id);
  await expectRefusal(own.users.undoUserMerge({ fromUserId: a.id }), "FailedPrecondition", "USER_MERGED");
  await own.users.undoUserMerge({ fromUserId: b.id });
  expect((await own.users.getUser({ id: a.id })).user?.mergedIntoUserId).toBe(b.id);
  await own.users.undoUserMerge({ fromUserId: a.id });
  expect((await own.users.getUser({ id: a.id })).user?.emails.map(({ email }) => email)).toEqual([a.email]);
  await expectRefusal(own.users.undoUserMerge({ fromUserId: a.id }), "NotFound", "MERGE_NOT_FOUND");
});

test("U42 an undone merge leaves both users as they were, and says what was written since", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const [from, to] = [await createUser(own), await createUser(own)];
  for (const key of ["kept", "gone"]) await own.options.setOption({ userId: from.id, key, value: value(key) });
  await merge(own, from.id, to.id);
  await own.options.deleteOption({ userId: to.id, key: "gone" });
  await own.users.markEmailVerified({ userId: to.id, email: from.email ?? "" });
  await own.users.setPrimaryEmail({ userId: to.id, email: from.email ?? "" });
  const validated = await own.users.undoUserMerge({ fromUserId: from.id, validateOnly: true });
  const requestId = crypto.randomUUID();
  const undone = await own.users.undoUserMerge({ fromUserId: from.id, requestId });
  expect(undone.notUndone.map(({ table }) => table).toSorted()).toEqual(["user_email", "user_option"]);
  expect(validated.notUndone).toEqual(undone.notUndone);
  expect((await own.users.undoUserMerge({ fromUserId: from.id, requestId })).notUndone).toEqual(undone.notUndone);
  expect(undone.user).toMatchObject({ id: from.id, email: "", emails: [], mergedIntoUserId: 0n });
  expect((await own.options.listOptions({ userId: from.id })).options.map(({ key }) => key)).toEqual(["kept"]);

  await merge(own, from.id, to.id);
  await sql`update user_merge set expire_time = now() where user_id = ${from.id} and undo_time is null`.execute(db.sql);
  await expectRefusal(own.users.undoUserMerge({ fromUserId: from.id }), "FailedPrecondition", "MERGE_EXPIRED");
});

test("U42 what lost can be given to the target, in the place of what won, and is the source's again when the merge is undone", async ({
  clients,
}) => {
  const own = clients["grpc-js"];
  const [from, to] = [await createUser(own), await createUser(own)];
  for (const [user, theme] of [
    [from, "dark"],
    [to, "light"],
  ] as const)
    await own.options.setOption({ userId: user.id, key: "plan", value: value(theme) });
  await merge(own, from.id, to.id);
  const list = async () => (await own.users.listMergeDiscards({ fromUserId: from.id })).discards;
  const [lost] = await list();
  const themeOf = async (userId: bigint) => (await own.options.getOption({ userId, key: "plan" })).value?.kind.value;
  const { discard } = await own.users.restoreMergeDiscard({ fromUserId: from.id, discardId: lost?.id ?? 0n });
  expect(discard?.restoreTime).toBeDefined();
  expect(await themeOf(to.id)).toBe("dark");
  expect((await list()).map(({ side, restoreTime }) => [side, restoreTime !== undefined])).toEqual([
    [MergeWinner.SOURCE, true],
    [MergeWinner.TARGET, false],
  ]);
  const again = own.users.restoreMergeDiscard({ fromUserId: from.id, discardId: lost?.id ?? 0n });
  await expectRefusal(again, "FailedPrecondition", "DISCARD_NOT_RESTORABLE");
  await expectRefusal(own.users.restoreMergeDiscard({ fromUserId: from.id, discardId: 2n ** 40n }), "NotFound", "DISCARD_NOT_FOUND");
  await expectRefusal(own.users.listMergeDiscards({ fromUserId: to.id }), "NotFound", "MERGE_NOT_FOUND");
  await own.users.undoUserMerge({ fromUserId: from.id });
  expect([await themeOf(from.id), await themeOf(to.id)]).toEqual(["dark", "light"]);
});

test("U42 a merge whose target is deleted, held or merged itself can be neither undone nor changed", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const [from, to, last] = [await createUser(own), await createUser(own), await createUser(own)];
  const refused = async (code: Parameters<typeof expectRefusal>[1], reason: Parameters<typeof expectRefusal>[2]) => {
    await expectRefusal(own.users.undoUserMerge({ fromUserId: from.id }), code, reason);
    await expectRefusal(own.users.restoreMergeDiscard({ fromUserId: from.id, discardId: 1n }), code, reason);
  };
  await refused("NotFound", "MERGE_NOT_FOUND");
  await merge(own, from.id, to.id);
  await own.users.deleteUser({ id: to.id });
  await refused("FailedPrecondition", "USER_DELETED");
  await own.users.undeleteUser({ id: to.id });
  await own.users.setUserHold({ userId: to.id, reason: "case 7" });
  await refused("FailedPrecondition", "USER_HELD");
  await own.users.setUserHold({ userId: to.id, reason: "" });
  await merge(own, to.id, last.id);
  await refused("FailedPrecondition", "USER_MERGED");
  await own.users.undoUserMerge({ fromUserId: to.id });
  await sql`update user_merge set expire_time = now() where user_id = ${from.id}`.execute(db.sql);
  await refused("FailedPrecondition", "MERGE_EXPIRED");
});

test("U42 a merge that can't be undone any more keeps names, and nothing else of the source", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const from = await createUser(own, { username: unique("old"), name: "Marker" });
  const to = await createUser(own);
  for (const user of [from, to]) await own.options.setOption({ userId: user.id, key: "plan", value: value(`of ${user.id}`) });
  await merge(own, from.id, to.id);
  await sql`update user_merge set expire_time = now() where user_id = ${from.id}`.execute(db.sql);
  await closeMerges(db);
  expect((await own.users.listMergeDiscards({ fromUserId: from.id })).discards).toEqual([]);
  expect((await own.users.getUser({ id: from.id })).user).toMatchObject({ name: "", username: from.username, mergedIntoUserId: to.id });
  expect(await lookUp(own, { case: "username", value: from.username ?? "" })).toEqual([{ status: LookupStatus.FOUND, id: to.id }]);
});

test("U43 merges that cross never deadlock, and one of them is done", async ({ clients }) => {
  const own = clients["grpc-js"];
  for (let round = 0; round < 5; round++) {
    const [a, b, c] = [await createUser(own), await createUser(own), await createUser(own)];
    for (const user of [a, b, c]) await own.options.setOption({ userId: user.id, key: unique("k"), value: value(1) });
    const pairs = [
      [a.id, b.id],
      [b.id, a.id],
      [b.id, c.id],
    ] as const;
    const etags = await Promise.all(pairs.map(([from, to]) => etagOf(own, from, to)));
    const outcomes = await Promise.allSettled(
      pairs.map(([fromUserId, toUserId], index) => own.users.mergeUsers({ fromUserId, toUserId, planEtag: etags[index] ?? "" })),
    );
    const done = outcomes.filter(({ status }) => status === "fulfilled").length;
    expect(done).toBeGreaterThan(0);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(String(outcome.reason)).toMatch(/merged into another|changed since the merge was planned/);
    const ids = [a.id, b.id, c.id];
    const options = await Promise.all(ids.map(async (userId) => (await own.options.listOptions({ userId })).options.length));
    expect(options.reduce((sum, count) => sum + count)).toBe(3);
  }
});

test("U41 nobody is merged into somebody else while a large merge into it is still being carried out", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const [from, to, third] = [await createUser(own), await createUser(own), await createUser(own)];
  await merge(own, from.id, to.id);
  const onward = { fromUserId: to.id, toUserId: third.id };
  const planEtag = await etagOf(own, to.id, third.id);
  await sql`
    insert into merge_part (merge_id, table_name, column_name, from_id, to_id)
    select id, 'user_option', 'user_id', ${from.id}, ${to.id} from user_merge where target_user_id = ${to.id}`.execute(db.sql);
  await expectRefusal(own.users.planUserMerge(onward), "FailedPrecondition", "MERGE_UNFINISHED");
  await expectRefusal(own.users.mergeUsers({ ...onward, planEtag }), "FailedPrecondition", "MERGE_UNFINISHED");
  await sql`delete from merge_part where to_id = ${to.id}`.execute(db.sql);
  await own.users.mergeUsers({ ...onward, planEtag: await etagOf(own, to.id, third.id) });
});
