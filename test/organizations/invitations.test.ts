import { describe, expect } from "vitest";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { addVerifiedEmail, createOrganization, createTeam, createUser, unique, verifyEmail } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const address = () => `${unique("Invited-")}@Example.com`;

describe.for(clientKinds)("invitations, through %s", { concurrent: true }, (kind) => {
  test("an invitation becomes the membership of the user who verifies the address", async ({ clients }) => {
    const { organizations, users } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const { id: teamId } = await createTeam(clients[kind], organizationId);
    const email = address();
    const { member: invited } = await organizations.inviteMember({ organizationId, email, role: MemberRole.MANAGER });
    expect(invited).toMatchObject({ userId: 0n, email, role: MemberRole.MANAGER });
    const id = invited?.id ?? 0n;
    await expectRefusal(
      organizations.inviteMember({ organizationId, email: email.toUpperCase(), role: MemberRole.MEMBER }),
      "AlreadyExists",
      "MEMBER_EXISTS",
    );
    await organizations.addTeamMember({ teamId, member: { case: "memberId", value: id } });
    await organizations.setMemberRole({ organizationId, member: { case: "memberId", value: id }, role: MemberRole.ADMIN });
    expect((await organizations.listMembers({ organizationId, onlyUsers: true })).members).toEqual([]);

    const { user } = await users.createUser({ user: { email: email.toLowerCase() } });
    const userId = user?.id ?? 0n;
    expect((await organizations.listUserOrganizations({ userId })).organizations).toEqual([]);
    await users.getOrCreateUserByEmail({ email });
    expect((await organizations.listUserOrganizations({ userId })).organizations).toEqual([]);
    await verifyEmail(clients[kind], userId, email);
    const { members } = await organizations.listMembers({ organizationId });
    expect(members).toMatchObject([{ id, userId, email: "", role: MemberRole.ADMIN, teamIds: [teamId], etag: "3" }]);
    expect((await organizations.listUserOrganizations({ userId })).organizations).toHaveLength(1);
  });

  test("the invitation of a user who is a member already goes, and its role with it", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    const email = address();
    await organizations.addMember({ organizationId, userId, role: MemberRole.MEMBER });
    await organizations.inviteMember({ organizationId, email, role: MemberRole.OWNER });
    await addVerifiedEmail(clients[kind], userId, email);
    expect((await organizations.listMembers({ organizationId })).members).toMatchObject([{ userId, role: MemberRole.MEMBER }]);
  });

  test("who has verified the address already is a member at once", async ({ clients }) => {
    const { organizations, users } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    const email = await addVerifiedEmail(clients[kind], userId);
    const invite = (id: bigint) => organizations.inviteMember({ organizationId: id, email: email.toUpperCase(), role: MemberRole.MEMBER });
    expect((await invite(organizationId)).member).toMatchObject({ userId, email: "" });
    await expectRefusal(invite(organizationId), "AlreadyExists", "MEMBER_EXISTS");
    const { id: another } = await createOrganization(clients[kind]);
    await users.deleteUser({ id: userId });
    await expectRefusal(invite(another), "FailedPrecondition", "USER_DELETED");
  });

  test("an invitation is taken back by its id", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const { member } = await organizations.inviteMember({ organizationId, email: address(), role: MemberRole.OWNER });
    await organizations.removeMember({ organizationId, member: { case: "memberId", value: member?.id ?? 0n } });
    expect((await organizations.listMembers({ organizationId })).members).toEqual([]);
  });
});

test("a user who is imported with a verified address takes up its invitations", async ({ clients }) => {
  const { organizations, users } = clients["grpc-js"];
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const [verified, unverified] = [address(), address()];
  for (const email of [verified, unverified]) await organizations.inviteMember({ organizationId, email, role: MemberRole.MEMBER });
  const lines = [verified, unverified].map((email) => ({
    user: { username: unique(), email },
    emails: [{ email, isVerified: email === verified }],
  }));
  await users.importUsers(
    (async function* () {
      for (const { user, emails } of lines) yield { user: { ...user, emails } };
    })(),
  );
  const { members } = await organizations.listMembers({ organizationId });
  expect(members.map(({ email, userId }) => [email, userId !== 0n])).toEqual([
    ["", true],
    [unverified, false],
  ]);
});

test("an address that is invited and verified at once is a member, never a pending invitation", async ({ clients, db }) => {
  const { organizations, users } = clients["grpc-js"];
  for (let round = 0; round < 8; round++) {
    const { id: userId } = await createUser(clients["grpc-js"]);
    const email = address();
    await users.addUserEmail({ userId, email });
    const { token } = await users.createEmailVerification({ userId, email });
    const made = await Promise.all(Array.from({ length: 3 }, () => createOrganization(clients["grpc-js"])));
    const invite = (organizationId: bigint) => organizations.inviteMember({ organizationId, email, role: MemberRole.MEMBER });
    await Promise.all([...made.map(({ id }) => invite(id)), users.verifyEmail({ token })]);
    expect((await organizations.listUserOrganizations({ userId })).organizations).toHaveLength(3);
  }
  const pending = db.sql.selectFrom("organization_member as m").innerJoin("user_email as e", "e.email_canonical", "m.email_canonical");
  expect(await pending.select("m.id").where("e.is_verified", "=", true).execute()).toEqual([]);
});
