import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { createOrganization, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const DAY_MS = 24 * 3_600_000;
const role = MemberRole.MANAGER;

/** In how many days an invitation expires, rounded. */
const daysUntil = (expireTime: Timestamp | undefined): number =>
  expireTime === undefined ? 0 : Math.round((timestampDate(expireTime).getTime() - Date.now()) / DAY_MS);

const invite = async ({ organizations }: Clients, organizationId: bigint, email = `${unique("invited-")}@example.com`) => {
  const { member } = await organizations.inviteMember({ organizationId, email, role });
  if (member === undefined) throw new Error("InviteMember returned no member");
  return { email, member };
};

describe.for(clientKinds)("invitations that expire, through %s", { concurrent: true }, (kind) => {
  test("an invitation is valid for 30 days, and a membership for ever", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id } = await createUser(clients[kind]);
    const organization = await createOrganization(clients[kind], {}, id);
    const { member } = await invite(clients[kind], organization.id);
    expect(daysUntil(member.inviteExpireTime)).toBe(30);
    expect(member.isInviteExpired).toBe(false);
    const { members } = await organizations.listMembers({ organizationId: organization.id, onlyUsers: true });
    expect(members.map(({ inviteExpireTime, isInviteExpired }) => [inviteExpireTime, isInviteExpired])).toEqual([[undefined, false]]);
  });

  test("one that has expired is listed as such, becomes no membership, and is good again when it is sent again", async ({
    clients,
    db,
  }) => {
    const { users, organizations } = clients[kind];
    const organization = await createOrganization(clients[kind]);
    const { email, member } = await invite(clients[kind], organization.id);
    const expire = () =>
      db.sql
        .updateTable("organization_member")
        .set({ invite_expire_time: new Date(Date.now() - 1_000) })
        .where("id", "=", member.id)
        .execute();
    await expire();
    const listed = await organizations.listMembers({ organizationId: organization.id });
    expect(listed.members).toMatchObject([{ id: member.id, userId: 0n, isInviteExpired: true }]);
    const { id: userId } = await createUser(clients[kind], { email });
    await users.markEmailVerified({ userId, email });
    const isMember = async () =>
      (await organizations.batchGetMemberships({ pairs: [{ userId, organizationId: organization.id }] })).results[0]?.isMember;
    expect(await isMember()).toBe(false);
    const request = { organizationId: organization.id, memberId: member.id };
    const stale = organizations.resendInvitation({ ...request, etag: "77" });
    await expectRefusal(stale, "Aborted", "ETAG_MISMATCH");
    const sent = await organizations.resendInvitation(request);
    // The address is verified by now, so nothing is left to wait for.
    expect(sent.member).toMatchObject({ id: member.id, userId, role, isInviteExpired: false });
    expect(sent.member?.inviteExpireTime).toBeUndefined();
    expect(await isMember()).toBe(true);
    await expectRefusal(organizations.resendInvitation(request), "FailedPrecondition", "INVITATION_ACCEPTED");
  });

  test("one that has expired is not sent again to the verified address of a deleted user", async ({ clients, db }) => {
    const { users, organizations } = clients[kind];
    const organization = await createOrganization(clients[kind]);
    const { email, member } = await invite(clients[kind], organization.id);
    await db.sql
      .updateTable("organization_member")
      .set({ invite_expire_time: new Date(0) })
      .where("id", "=", member.id)
      .execute();
    const { id: userId } = await createUser(clients[kind], { email });
    await users.markEmailVerified({ userId, email });
    await users.deleteUser({ id: userId });
    const sent = organizations.resendInvitation({ organizationId: organization.id, memberId: member.id });
    await expectRefusal(sent, "FailedPrecondition", "USER_DELETED");
  });

  test("ResendInvitation renews one that nobody has followed, once for one request_id", async ({ clients, db }) => {
    const { organizations } = clients[kind];
    const organization = await createOrganization(clients[kind]);
    const { member } = await invite(clients[kind], organization.id);
    await db.sql
      .updateTable("organization_member")
      .set({ invite_expire_time: new Date(0) })
      .where("id", "=", member.id)
      .execute();
    const request = { organizationId: organization.id, memberId: member.id, requestId: crypto.randomUUID() };
    const sent = await organizations.resendInvitation(request);
    expect(daysUntil(sent.member?.inviteExpireTime)).toBe(30);
    expect(sent.member?.etag).not.toBe(member.etag);
    expect(await organizations.resendInvitation(request)).toEqual(sent);
    const unknown = organizations.resendInvitation({ organizationId: organization.id, memberId: 9_000_000_000_000n });
    await expectRefusal(unknown, "NotFound", "MEMBER_NOT_FOUND");
    await expectRefusal(organizations.resendInvitation({ organizationId: 0n, memberId: member.id }), "InvalidArgument", "FIELD_INVALID");
    await organizations.deleteOrganization({ id: organization.id });
    const late = organizations.resendInvitation({ organizationId: organization.id, memberId: member.id });
    await expectRefusal(late, "FailedPrecondition", "ORGANIZATION_DELETED");
  });

  test("who is invited again after the invitation has expired gets a new one; before that it is MEMBER_EXISTS", async ({ clients, db }) => {
    const { organizations } = clients[kind];
    const organization = await createOrganization(clients[kind]);
    const { email, member } = await invite(clients[kind], organization.id);
    await expectRefusal(invite(clients[kind], organization.id, email.toUpperCase()), "AlreadyExists", "MEMBER_EXISTS");
    await db.sql
      .updateTable("organization_member")
      .set({ invite_expire_time: new Date(0) })
      .where("id", "=", member.id)
      .execute();
    const again = await invite(clients[kind], organization.id, email);
    expect(again.member.id).not.toBe(member.id);
    expect((await organizations.listMembers({ organizationId: organization.id })).members.map(({ id }) => id)).toEqual([again.member.id]);
  });

  test("a vouched address and an imported one accept what has not expired, and nothing else", async ({ clients, db }) => {
    const { users, organizations } = clients[kind];
    for (const verify of [
      async (email: string) => (await users.getOrCreateUserByEmail({ email, emailVerified: true })).user?.id ?? 0n,
      async (email: string) => {
        await users.importUsers(
          (async function* () {
            yield { user: { email, emails: [{ email, isVerified: true, isPrimary: true }] } };
          })(),
        );
        return (await users.getOrCreateUserByEmail({ email })).user?.id ?? 0n;
      },
    ]) {
      const [live, gone] = [await createOrganization(clients[kind]), await createOrganization(clients[kind])];
      const { email } = await invite(clients[kind], live.id);
      const { member } = await invite(clients[kind], gone.id, email);
      await db.sql
        .updateTable("organization_member")
        .set({ invite_expire_time: new Date(0) })
        .where("id", "=", member.id)
        .execute();
      const userId = await verify(email);
      const pairs = [live, gone].map(({ id: organizationId }) => ({ userId, organizationId }));
      expect((await organizations.batchGetMemberships({ pairs })).results.map(({ isMember }) => isMember)).toEqual([true, false]);
    }
  });
});
