import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { MemberRole, TeamRole } from "../../src/gen/userd/v1/member_pb.ts";
import { OrganizationStatus } from "../../src/gen/userd/v1/organization_pb.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { statementsOf } from "../options/statements.ts";
import { createOrganization, createProject, createTeam, createUser } from "../support/build.ts";
import { collect } from "../support/collect.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const user = (value: bigint) => ({ case: "userId" as const, value });
const member = (value: bigint) => ({ case: "memberId" as const, value });

const versionOf = async (db: Database, kind: string, id: bigint): Promise<bigint> =>
  (await db.sql.selectFrom("aggregate_version").select("version").where("kind", "=", kind).where("id", "=", id).executeTakeFirst())
    ?.version ?? 0n;

describe.for(clientKinds)("members, through %s", { concurrent: true }, (kind) => {
  test("a user becomes a member, gets another role, and leaves", async ({ clients, db }) => {
    const { organizations } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    const before = [await versionOf(db, "organization", organizationId), await versionOf(db, "user", userId)];
    const { member: added } = await organizations.addMember({ organizationId, userId, role: MemberRole.MANAGER });
    expect(added).toMatchObject({ organizationId, userId, email: "", role: MemberRole.MANAGER, teamIds: [], etag: "1" });
    const after = [await versionOf(db, "organization", organizationId), await versionOf(db, "user", userId)];
    expect(after).toEqual(before.map((version) => version + 1n));
    await expectRefusal(organizations.addMember({ organizationId, userId, role: MemberRole.MEMBER }), "AlreadyExists", "MEMBER_EXISTS");
    const equal = await organizations.setMemberRole({ organizationId, member: user(userId), role: MemberRole.MANAGER });
    expect(equal.member).toEqual(added);
    expect(await versionOf(db, "organization", organizationId)).toBe(after[0]);
    const { member: raised } = await organizations.setMemberRole({
      organizationId,
      member: user(userId),
      role: MemberRole.ADMIN,
      etag: "1",
    });
    expect(raised).toEqual({ ...added, role: MemberRole.ADMIN, etag: "2" });
    const stale = { organizationId, member: member(added?.id ?? 0n), etag: "1" };
    await expectRefusal(organizations.setMemberRole({ ...stale, role: MemberRole.MEMBER }), "Aborted", "ETAG_MISMATCH");
    await expectRefusal(organizations.removeMember(stale), "Aborted", "ETAG_MISMATCH");
    await organizations.removeMember({ organizationId, member: user(userId), validateOnly: true });
    expect((await organizations.listMembers({ organizationId })).members).toEqual([raised]);
    expect((await organizations.removeMember({ organizationId, member: user(userId) })).member).toEqual(raised);
    await expectRefusal(organizations.removeMember({ organizationId, member: user(userId) }), "NotFound", "MEMBER_NOT_FOUND");
  });

  test("teams have members, and projects", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const [{ id: organizationId }, { id: otherId }] = [
      await createOrganization(clients[kind], {}, userId),
      await createOrganization(clients[kind]),
    ];
    const [{ id: teamId }, { id: foreign }] = [await createTeam(clients[kind], organizationId), await createTeam(clients[kind], otherId)];
    const { id: projectId } = await createProject(clients[kind], organizationId);
    expect(await organizations.addTeamMember({ teamId, member: user(userId) })).toMatchObject({ added: true });
    expect(await organizations.addTeamMember({ teamId, member: user(userId) })).toMatchObject({ added: false });
    const rolesIn = async () => (await organizations.listMembers({ organizationId, teamId })).members.map(({ teams }) => teams);
    expect(await rolesIn()).toMatchObject([[{ teamId, role: TeamRole.MEMBER }]]);
    expect(await organizations.addTeamMember({ teamId, member: user(userId), role: TeamRole.ADMIN })).toMatchObject({ added: false });
    expect(await organizations.addTeamMember({ teamId, member: user(userId) })).toMatchObject({ added: false });
    expect(await rolesIn()).toMatchObject([[{ teamId, role: TeamRole.ADMIN }]]);
    expect((await organizations.listMembers({ organizationId, teamId })).members).toMatchObject([{ userId, teamIds: [teamId] }]);
    await expectRefusal(organizations.addTeamMember({ teamId: foreign, member: user(userId) }), "NotFound", "MEMBER_NOT_FOUND");
    expect(await organizations.addProjectTeam({ projectId, teamId })).toMatchObject({ added: true });
    expect(await organizations.addProjectTeam({ projectId, teamId })).toMatchObject({ added: false });
    await expectRefusal(organizations.addProjectTeam({ projectId, teamId: foreign }), "NotFound", "TEAM_NOT_FOUND");
    expect((await organizations.getProject({ key: { case: "id", value: projectId } })).project?.teamIds).toEqual([teamId]);
    expect(await organizations.removeProjectTeam({ projectId, teamId })).toMatchObject({ removed: true });
    expect(await organizations.removeProjectTeam({ projectId, teamId })).toMatchObject({ removed: false });
    expect(await organizations.removeTeamMember({ teamId, member: user(userId) })).toMatchObject({ removed: true });
    expect(await organizations.removeTeamMember({ teamId, member: user(userId) })).toMatchObject({ removed: false });
    expect((await organizations.listMembers({ organizationId })).members).toMatchObject([{ userId, teamIds: [] }]);
  });

  test("the last owner can't leave or be demoted; a second one frees the first", async ({ clients }) => {
    const { organizations } = clients[kind];
    const [{ id: first }, { id: second }] = [await createUser(clients[kind]), await createUser(clients[kind])];
    const { id: organizationId } = await createOrganization(clients[kind], {}, first);
    await organizations.addMember({ organizationId, userId: second, role: MemberRole.ADMIN });
    const leave = () => organizations.removeMember({ organizationId, member: user(first) });
    const demote = () => organizations.setMemberRole({ organizationId, member: user(first), role: MemberRole.ADMIN });
    await expectRefusal(leave(), "FailedPrecondition", "LAST_OWNER");
    await expectRefusal(demote(), "FailedPrecondition", "LAST_OWNER");
    // An invitation owns nothing yet.
    await organizations.inviteMember({ organizationId, email: "owner@example.com", role: MemberRole.OWNER });
    await expectRefusal(leave(), "FailedPrecondition", "LAST_OWNER");
    await organizations.setMemberRole({ organizationId, member: user(second), role: MemberRole.OWNER });
    // Nor does an owner who can't act.
    await clients[kind].users.deactivateUser({ id: second });
    await expectRefusal(demote(), "FailedPrecondition", "LAST_OWNER");
    await clients[kind].users.reactivateUser({ id: second });
    expect((await demote()).member?.role).toBe(MemberRole.ADMIN);
    expect((await leave()).member?.role).toBe(MemberRole.ADMIN);
  });

  test("memberships are found by user, and in pairs", async ({ clients }) => {
    const { organizations, users } = clients[kind];
    const [{ id: userId }, { id: other }] = [await createUser(clients[kind]), await createUser(clients[kind])];
    const made = [];
    for (let i = 0; i < 3; i++) made.push(await createOrganization(clients[kind], {}, userId));
    const [visible, hidden, deleted] = made.map(({ id }) => id) as [bigint, bigint, bigint];
    await organizations.updateOrganization({ organization: { id: hidden, status: OrganizationStatus.HIDDEN } });
    await organizations.deleteOrganization({ id: deleted });
    const list = async (onlyVisible: boolean) =>
      (await organizations.listUserOrganizations({ userId, onlyVisible })).organizations.map(({ organization }) => organization?.id);
    expect(await list(false)).toEqual([visible, hidden, deleted]);
    expect(await list(true)).toEqual([visible]);
    const first = await organizations.listUserOrganizations({ userId, pageSize: 2 });
    expect(first.organizations[0]?.member).toMatchObject({ userId, organizationId: visible, role: MemberRole.OWNER });
    const second = await organizations.listUserOrganizations({ userId, pageSize: 2, pageToken: first.nextPageToken });
    expect(second.organizations.map(({ organization }) => organization?.id)).toEqual([deleted]);
    const pairs = [
      { userId, organizationId: visible },
      { userId: other, organizationId: visible },
      { userId, organizationId: deleted },
      { userId, organizationId: 9_000_000_000n },
      { userId, organizationId: visible },
    ];
    const { results } = await organizations.batchGetMemberships({ pairs });
    expect(results).toMatchObject(pairs.map((pair, index) => ({ ...pair, isMember: index % 4 === 0 })));
    expect(results[4]?.member).toMatchObject({ role: MemberRole.OWNER });
    await users.deleteUser({ id: userId });
    expect((await organizations.batchGetMemberships({ pairs })).results.some(({ isMember }) => isMember)).toBe(false);
    await expectRefusal(organizations.addMember({ organizationId: visible, userId, role: 1 }), "FailedPrecondition", "USER_DELETED");
  });

  test("ListUsers, ListUserIds and StreamUsers filter by organization", async ({ clients }) => {
    const { organizations, users } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const ids: bigint[] = [];
    for (let i = 0; i < 3; i++) ids.push((await createUser(clients[kind])).id);
    for (const userId of ids) await organizations.addMember({ organizationId, userId, role: MemberRole.MEMBER });
    await organizations.inviteMember({ organizationId, email: "invited@example.com", role: MemberRole.MEMBER });
    const filter = { organizationId };
    expect((await users.listUsers({ filter })).users.map(({ id }) => id)).toEqual(ids);
    const { ids: page, nextPageToken } = await users.listUserIds({ filter, pageSize: 2 });
    const { ids: rest } = await users.listUserIds({ filter, pageSize: 2, pageToken: nextPageToken });
    expect([...page, ...rest]).toEqual(ids);
    expect((await collect(users.streamUsers({ filter }))).map(({ user }) => user?.id)).toEqual(ids);
    expect((await users.listUserIds({ filter: { organizationId: 9_000_000_000n } })).ids).toEqual([]);
  });
});

test("of two owners who leave at once, one stays", async ({ clients }) => {
  const { organizations } = clients["grpc-js"];
  for (let round = 0; round < 5; round++) {
    const [{ id: first }, { id: second }] = [await createUser(clients["grpc-js"]), await createUser(clients["grpc-js"])];
    const { id: organizationId } = await createOrganization(clients["grpc-js"], {}, first);
    await organizations.addMember({ organizationId, userId: second, role: MemberRole.OWNER });
    const outcomes = await Promise.allSettled([
      organizations.removeMember({ organizationId, member: user(first) }),
      round % 2 === 0
        ? organizations.removeMember({ organizationId, member: user(second) })
        : organizations.setMemberRole({ organizationId, member: user(second), role: MemberRole.MEMBER }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [refused] = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    await expectRefusal(Promise.reject(refused?.reason), "FailedPrecondition", "LAST_OWNER");
    const { members } = await organizations.listMembers({ organizationId, role: MemberRole.OWNER });
    expect(members).toHaveLength(1);
  }
});

test("U40 a purge takes memberships with it, and says which organizations have lost their last owner", async ({ clients, db }) => {
  const { organizations, users } = clients["grpc-js"];
  const [{ id: owner }, { id: other }] = [await createUser(clients["grpc-js"]), await createUser(clients["grpc-js"])];
  const alone = await createOrganization(clients["grpc-js"], {}, owner);
  const shared = await createOrganization(clients["grpc-js"], {}, owner);
  await organizations.addMember({ organizationId: shared.id, userId: other, role: MemberRole.OWNER });
  const before = await versionOf(db, "organization", shared.id);
  await expectRefusal(users.purgeUser({ id: owner }), "FailedPrecondition", "LAST_OWNER");
  expect((await users.purgeUser({ id: owner, allowOwnerless: true })).ownerlessOrganizationIds).toEqual([alone.id]);
  expect(await versionOf(db, "organization", shared.id)).toBe(before + 1n);
  expect((await organizations.listMembers({ organizationId: alone.id })).members).toEqual([]);
  const ownerless = async () => {
    const { organizations: found } = await organizations.listOrganizations({ withoutOwner: true, pageSize: 1_000 });
    return found.map(({ id }) => id).filter((id) => id === alone.id || id === shared.id);
  };
  expect(await ownerless()).toEqual([alone.id]);
  // The worker does the same.
  await users.deleteUser({ id: other });
  expect(await ownerless()).toEqual([alone.id, shared.id]);
  await sql`update users set purge_time = now() where id = ${other}`.execute(db.sql);
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  expect(await purger.purge()).toBe(1);
  expect((await organizations.listMembers({ organizationId: shared.id })).members).toEqual([]);
});

test("a change of a membership is in the log of the organization and of the user", async ({ clients, db }) => {
  const { organizations } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  await organizations.addMember({ organizationId, userId, role: MemberRole.MEMBER });
  await organizations.setMemberRole({ organizationId, member: user(userId), role: MemberRole.OWNER });
  await organizations.addMember({ organizationId, userId: (await createUser(clients["grpc-js"])).id, role: MemberRole.OWNER });
  await organizations.removeMember({ organizationId, member: user(userId) });
  const logOf = async (aggregateKind: string, id: bigint) => {
    const rows = db.sql.selectFrom("changes").select(["operation", "changed_columns"]).where("kind", "=", "organization_member");
    return rows.where("aggregate_kind", "=", aggregateKind).where("aggregate_id", "=", id).orderBy("id").execute();
  };
  const [added, raised, removed] = [
    { operation: "insert", changed_columns: null },
    { operation: "update", changed_columns: ["role"] },
    { operation: "delete", changed_columns: null },
  ];
  expect(await logOf("user", userId)).toEqual([added, raised, removed]);
  expect(await logOf("organization", organizationId)).toEqual([added, raised, added, removed]);
  const { auditEntries } = await clients["grpc-js"].changes.listAuditEntries({ filter: { userId, kinds: ["organization_member"] } });
  expect(auditEntries.map(({ changedFields }) => changedFields)).toEqual([[], ["role"], []]);
});

test("a page of members and 1,000 memberships are one statement each", async ({ clients }) => {
  const { organizations } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { id: organizationId } = await createOrganization(clients["grpc-js"], {}, userId);
  const pairs = Array.from({ length: 1_000 }, (_, index) => ({
    userId: index % 2 === 0 ? userId : userId + BigInt(1_000_000 + index),
    organizationId,
  }));
  const batch = await statementsOf(async () => {
    const { results } = await organizations.batchGetMemberships({ pairs });
    expect(results.filter(({ isMember }) => isMember)).toHaveLength(500);
  });
  expect(batch).toHaveLength(1);
  expect(await statementsOf(() => organizations.listMembers({ organizationId }))).toHaveLength(1);
  expect(await statementsOf(() => organizations.listUserOrganizations({ userId }))).toHaveLength(1);
  expect(await statementsOf(() => organizations.listProjects({ organizationId }))).toHaveLength(1);
  expect(await statementsOf(() => organizations.getOrganization({ key: { case: "id", value: organizationId } }))).toHaveLength(1);
});
