import { describe, expect } from "vitest";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createAccount, createOrganization, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

/** Domains in Unicode and in Punycode: one domain each. */
const domains: readonly (readonly [string, string])[] = [
  ["münchen.de", "xn--mnchen-3ya.de"],
  ["MÜNCHEN.de", "XN--MNCHEN-3YA.de"],
  ["παράδειγμα.gr", "xn--hxajbheg2az3al.gr"],
  ["例え。jp", "xn--r8jz45g.jp"],
  ["faß.de", "xn--fa-hia.de"],
  ["مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"],
];

describe.for(["grpc-js", "Connect JSON"] as const)("addresses with a domain beyond ASCII, through %s", { concurrent: true }, (kind) => {
  test.for(domains)(
    "U4 %s is %s: accepted and found in both spellings, returned as it was written",
    async ([unicode, ascii], { clients }) => {
      const { users } = clients[kind];
      for (const [written, other] of [
        [unicode, ascii],
        [ascii, unicode],
      ]) {
        const local = unique("user");
        const [email, same] = [`${local}@${written}`, `${local.toUpperCase()}@${other}`];
        const { user } = await users.createUser({ user: { email } });
        expect(user).toMatchObject({ email, username: email, emails: [{ email, isPrimary: true }] });
        const { results } = await users.lookupUsers({
          keys: [{ key: { case: "email", value: same } }, { key: { case: "username", value: same } }],
        });
        expect(results).toMatchObject([
          { status: LookupStatus.FOUND, user: { id: user?.id } },
          { status: LookupStatus.FOUND, user: { id: user?.id } },
        ]);
        expect((await users.getOrCreateUserByEmail({ email: same })).user?.id).toBe(user?.id);
        expect((await users.listUsers({ search: `email:${same}` })).users).toMatchObject([{ id: user?.id }]);
        await expectRefusal(users.addUserEmail({ userId: user?.id ?? 0n, email: same }), "AlreadyExists", "EMAIL_TAKEN");
      }
    },
  );
});

describe("addresses beyond ASCII", { concurrent: true }, () => {
  test("GetOrCreateUserByEmail makes a user with such an address", async ({ clients }) => {
    const email = `${unique("x")}@münchen.de`;
    const { user, created } = await clients["grpc-js"].users.getOrCreateUserByEmail({ email });
    expect({ user, created }).toMatchObject({ created: true, user: { email, username: email } });
  });

  test("an added address, a contact and an invitation are found in the other spelling", async ({ clients }) => {
    const { users, profiles, organizations } = clients["grpc-js"];
    const local = unique("x");
    const [unicode, ascii] = [`${local}@bücher.example`, `${local}@xn--bcher-kva.example`];
    const { id: userId } = await createUser(clients["grpc-js"]);
    expect((await users.addUserEmail({ userId, email: unicode })).email).toMatchObject({ email: unicode });
    const { results } = await users.verifyUserEmails({ pairs: [{ userId, email: ascii }] });
    expect(results).toMatchObject([{ exists: true }]);

    const { id: accountId } = await createAccount(clients["grpc-js"]);
    await profiles.addAccountContact({ accountId, contact: { email: ascii } });
    await expectRefusal(profiles.addAccountContact({ accountId, contact: { email: unicode } }), "AlreadyExists", "CONTACT_TAKEN");

    const { id: organizationId } = await createOrganization(clients["grpc-js"]);
    await organizations.inviteMember({ organizationId, email: unicode, role: 1 });
    await expectRefusal(organizations.inviteMember({ organizationId, email: ascii, role: 1 }), "AlreadyExists", "MEMBER_EXISTS");
  });

  test("before the @ letters of any script can stand, compared as names are", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const word = unique("");
    const { user } = await users.createUser({ user: { email: `Jürgen${word}@example.com` } });
    const { results } = await users.lookupUsers({ keys: [{ key: { case: "email", value: `JU\u0308RGEN${word}@EXAMPLE.com` } }] });
    expect(results).toMatchObject([{ status: LookupStatus.FOUND, user: { id: user?.id } }]);
  });

  test.for([
    "user@mün chen.de",
    "user@xn--a.de",
    "user@\u200b.de",
    "user@mün\u200bchen.de\u200f",
    "user@münchen..de",
    "user@-münchen.de",
    "user@a_b.münchen.de",
    `user@${"ü".repeat(60)}.de`,
    "us\u200ber@example.com",
    "us\u00a0er@example.com",
    "ﬁona@example.com",
    "user@אa.de",
    "user@",
    "user@münchen.de@x",
  ])("U7 %j is no address, with the field", async (email, { clients }) => {
    const { users, profiles, organizations } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    for (const [call, field] of [
      [users.createUser({ user: { email } }), "user.email"],
      [users.getOrCreateUserByEmail({ email }), "email"],
      [users.addUserEmail({ userId, email }), "email"],
      [profiles.addAccountContact({ accountId: 1n, contact: { email } }), "contact.email"],
      [organizations.inviteMember({ organizationId: 1n, email, role: 1 }), "email"],
    ] as const) {
      const { fields } = await expectRefusal(call, "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual([field]);
    }
  });
});
