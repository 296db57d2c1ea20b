import { describe, expect } from "vitest";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { actingAs, createOrganization, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

describe.for(clientKinds)("MarkEmailVerified, through %s", { concurrent: true }, (kind) => {
  test("an address is verified on somebody's word, with what follows from it", async ({ clients }) => {
    const { users, organizations } = clients[kind];
    const { id, email = "" } = await createUser(clients[kind]);
    const organization = await createOrganization(clients[kind]);
    await organizations.inviteMember({ organizationId: organization.id, email, role: MemberRole.ADMIN });
    const { token } = await users.createEmailVerification({ userId: id, email });
    const first = await users.markEmailVerified({ userId: id, email: email.toUpperCase() });
    expect(first).toMatchObject({ alreadyVerified: false, email: { email, isVerified: true, isPrimary: true } });
    expect(await users.markEmailVerified({ userId: id, email })).toMatchObject({ alreadyVerified: true, email: { email } });
    const { results } = await organizations.batchGetMemberships({ pairs: [{ userId: id, organizationId: organization.id }] });
    expect(results).toMatchObject([{ isMember: true, member: { role: MemberRole.ADMIN } }]);
    // U22: whoever follows the link that was sent before is told that all is well.
    expect(await users.verifyEmail({ token })).toMatchObject({ userId: id, alreadyVerified: true });
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: first.consistencyToken } };
    const found = await users.lookupUsers({ keys: [{ key: { case: "email", value: email } }], onlyVerifiedEmail: true, consistency });
    expect(found.results).toMatchObject([{ user: { id } }]);
  });

  test("U3 not for two users, not for an address that the user does not have, and not without users.admin", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("shared-")}@example.com`;
    const [first, second] = [
      await createUser(clients[kind], { username: unique("n"), email }),
      await createUser(clients[kind], { username: unique("n"), email }),
    ];
    await expectRefusal(
      users.markEmailVerified({ userId: first.id, email }, actingAs(second.id)),
      "PermissionDenied",
      "PERMISSION_REQUIRED",
    );
    await users.markEmailVerified({ userId: first.id, email });
    await expectRefusal(users.markEmailVerified({ userId: second.id, email }), "AlreadyExists", "EMAIL_TAKEN");
    await expectRefusal(users.markEmailVerified({ userId: first.id, email: "nobody@example.com" }), "NotFound", "EMAIL_NOT_FOUND");
    await expectRefusal(users.markEmailVerified({ userId: 9_000_000_000_000n, email }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.markEmailVerified({ userId: 0n, email }), "InvalidArgument", "FIELD_INVALID");
    await users.deleteUser({ id: first.id });
    await expectRefusal(users.markEmailVerified({ userId: first.id, email }), "FailedPrecondition", "USER_DELETED");
  });

  test("U3 of two users whose address is marked at once, one has it verified", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("race-")}@example.com`;
    const ids = await Promise.all([1, 2, 3].map(async () => (await createUser(clients[kind], { username: unique("n"), email })).id));
    const outcomes = await Promise.allSettled(ids.map((userId) => users.markEmailVerified({ userId, email })));
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"]);
  });
});
