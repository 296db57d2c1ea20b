import { describe, expect } from "vitest";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { buildUser, createOrganization, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const address = () => `${unique("owner-")}@example.com`;

const verify = async ({ users }: Clients, userId: bigint, email: string) => {
  const { token } = await users.createEmailVerification({ userId, email });
  await users.verifyEmail({ token });
};

const createProvider = async ({ users }: Clients): Promise<bigint> =>
  (await users.createIdentityProvider({ provider: { type: unique("idp") } })).provider?.id ?? 0n;

/** What somebody may have made of an account in advance, to get into it after its owner has come. */
const traps: Readonly<Record<string, (clients: Clients, userId: bigint, email: string) => Promise<unknown>>> = {
  "a password": ({ users }, userId) => users.setPassword({ userId, password: "correct horse battery" }),
  "an identity": async (clients, userId) =>
    clients.users.linkIdentity({ userId, providerId: await createProvider(clients), externalId: "attacker" }),
  "an auth identity": async (clients, userId) => {
    const { id: organizationId } = await createOrganization(clients);
    const { provider } = await clients.users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
    await clients.users.linkAuthIdentity({ userId, providerId: provider?.id ?? 0n, externalId: "attacker" });
  },
  "another verified address": async (clients, userId) => {
    const email = address();
    await clients.users.addUserEmail({ userId, email });
    await verify(clients, userId, email);
  },
  "a reset token": ({ users }, userId) => users.createPasswordReset({ userId }),
  "a verification token": ({ users }, userId, email) => users.createEmailVerification({ userId, email }),
  "a verification token of another address": async ({ users }, userId) => {
    const email = address();
    await users.addUserEmail({ userId, email });
    await users.createEmailVerification({ userId, email });
  },
  "a second factor": ({ users }, userId) =>
    users.addAuthenticator({ userId, type: 2, config: { kind: { case: "stringValue", value: "x" } } }),
};

describe.for(clientKinds)("U20 who is meant by an address, through %s", { concurrent: true }, (kind) => {
  test("U20 who has the address verified is returned, whoever else claims it, also as a secondary one", async ({ clients }) => {
    const { users } = clients[kind];
    for (const emailVerified of [false, true]) {
      const email = address();
      const owner = await createUser(clients[kind]);
      await users.addUserEmail({ userId: owner.id, email });
      await verify(clients[kind], owner.id, email);
      await createUser(clients[kind], { username: unique("n"), email });
      const found = await users.getOrCreateUserByEmail({ email: email.toUpperCase(), emailVerified });
      expect(found).toMatchObject({ created: false, matchedUnverified: false, user: { id: owner.id } });
      await users.suspendUser({ id: owner.id });
      expect(await users.getOrCreateUserByEmail({ email, emailVerified })).toMatchObject({ created: false, user: { id: owner.id } });
      await users.deactivateUser({ id: owner.id });
      expect(await users.getOrCreateUserByEmail({ email, emailVerified })).toMatchObject({ created: false, user: { id: owner.id } });
      await users.deleteUser({ id: owner.id });
      await expectRefusal(users.getOrCreateUserByEmail({ email, emailVerified }), "FailedPrecondition", "USER_DELETED");
    }
  });

  test("U20 an unverified secondary address never matches", async ({ clients }) => {
    const { users } = clients[kind];
    for (const emailVerified of [false, true]) {
      const email = address();
      const attacker = await createUser(clients[kind]);
      await users.addUserEmail({ userId: attacker.id, email });
      const { created, user } = await users.getOrCreateUserByEmail({ email, emailVerified });
      expect(created).toBe(true);
      expect(user?.id).not.toBe(attacker.id);
      expect(user?.emails).toMatchObject([{ email, isVerified: emailVerified, isPrimary: true }]);
      expect((await users.getOrCreateUserByEmail({ email, emailVerified })).user?.id).toBe(user?.id);
    }
  });

  test("U20 without email_verified an unverified primary address matches, and the answer says so", async ({ clients }) => {
    const { users } = clients[kind];
    const email = address();
    const first = await users.getOrCreateUserByEmail({ email });
    expect(first).toMatchObject({ created: true, matchedUnverified: false });
    const again = await users.getOrCreateUserByEmail({ email });
    expect(again).toMatchObject({ created: false, matchedUnverified: true, user: { id: first.user?.id } });
    expect(again.user?.emails[0]?.isVerified).toBe(false);
  });

  test("U20 a suspension is not evaded by a second account, and hides nobody who is present", async ({ clients }) => {
    const { users } = clients[kind];
    const email = address();
    const suspended = await createUser(clients[kind], { username: unique("n"), email });
    await users.suspendUser({ id: suspended.id });
    expect(await users.getOrCreateUserByEmail({ email })).toMatchObject({ created: false, user: { id: suspended.id, isSuspended: true } });
    const present = await createUser(clients[kind], { username: unique("n"), email });
    expect(await users.getOrCreateUserByEmail({ email })).toMatchObject({ created: false, user: { id: present.id } });
  });

  test("U20 a vouched address is handed over with a user to whom nobody can sign in, verified, and tokens die", async ({ clients, db }) => {
    const { users, organizations } = clients[kind];
    const email = address();
    const { id } = await createUser(clients[kind], { email });
    const { token: reset } = await users.createPasswordReset({ userId: id });
    const { token: verification } = await users.createEmailVerification({ userId: id, email });
    const { sessionNonce } = await users.rotateSessionNonce({ userId: id });
    // Both tokens are past their time by now.
    await db.sql
      .updateTable("password_reset")
      .set({ create_time: new Date(0) })
      .where("user_id", "=", id)
      .execute();
    await db.sql
      .updateTable("user_email")
      .set({ verification_hash_time: new Date(0) })
      .where("user_id", "=", id)
      .execute();
    const organization = await createOrganization(clients[kind]);
    await organizations.inviteMember({ organizationId: organization.id, email, role: 2 });
    const answer = await users.getOrCreateUserByEmail({ email, emailVerified: true });
    expect(answer).toMatchObject({ created: false, matchedUnverified: false, user: { id, emails: [{ email, isVerified: true }] } });
    await expectRefusal(users.resetPassword({ token: reset, password: "correct horse battery" }), "FailedPrecondition", "TOKEN_REFUSED");
    await expectRefusal(users.verifyEmail({ token: verification }), "FailedPrecondition", "TOKEN_REFUSED");
    const row = await db.sql.selectFrom("users").select("session_nonce").where("id", "=", id).executeTakeFirstOrThrow();
    expect(row.session_nonce).not.toBe(sessionNonce);
    const { results } = await organizations.batchGetMemberships({ pairs: [{ userId: id, organizationId: organization.id }] });
    expect(results).toMatchObject([{ isMember: true }]);
  });

  test("U20 the given identity does not stand in the way, another one does", async ({ clients }) => {
    const { users } = clients[kind];
    const [email, providerId] = [address(), await createProvider(clients[kind])];
    const { id } = await createUser(clients[kind], { email });
    await users.linkIdentity({ userId: id, providerId, externalId: "me" });
    const given = { email, emailVerified: true, identity: { providerId, externalId: "me" } };
    expect(await users.getOrCreateUserByEmail(given)).toMatchObject({ created: false, user: { id } });
    const other = address();
    const rival = await createUser(clients[kind], { email: other });
    await users.linkIdentity({ userId: rival.id, providerId, externalId: "rival" });
    const answer = await users.getOrCreateUserByEmail({ email: other, emailVerified: true, identity: { providerId, externalId: "new" } });
    expect(answer.created).toBe(true);
  });

  test("U20 a rival that has nothing but the username gives it up, be it deleted or managed", async ({ clients }) => {
    const { users } = clients[kind];
    for (const harm of ["isManaged", "deleted"]) {
      const email = address();
      const rival = await createUser(clients[kind], { username: email.toUpperCase(), isManaged: harm === "isManaged" });
      if (harm === "deleted") await users.deleteUser({ id: rival.id });
      await expectRefusal(users.getOrCreateUserByEmail({ email }), "AlreadyExists", "EMAIL_TAKEN");
      const { created, user } = await users.getOrCreateUserByEmail({ email, emailVerified: true });
      expect({ created, username: user?.username }).toEqual({ created: true, username: email });
      expect((await users.getUser({ id: rival.id })).user?.username).toMatch(/^local-/);
    }
  });

  test("U20 two users to whom nobody can sign in keep nobody out: a new user", async ({ clients }) => {
    const { users } = clients[kind];
    const email = address();
    const rivals = [
      await createUser(clients[kind], { username: unique("n"), email }),
      await createUser(clients[kind], { username: unique("n"), email }),
    ];
    await expectRefusal(users.getOrCreateUserByEmail({ email }), "FailedPrecondition", "AMBIGUOUS_EMAIL");
    const { created, user } = await users.getOrCreateUserByEmail({ email, emailVerified: true });
    expect(created).toBe(true);
    expect(rivals.map(({ id }) => id)).not.toContain(user?.id);
  });

  test("U20 who is not present is handed over to nobody", async ({ clients }) => {
    const { users } = clients[kind];
    for (const leave of ["suspendUser", "deactivateUser", "deleteUser"] as const) {
      const email = address();
      const { id } = await createUser(clients[kind], { email });
      await users[leave]({ id });
      expect(await users.getOrCreateUserByEmail({ email, emailVerified: true })).toMatchObject({ created: true });
    }
  });

  test("U3 a token that waits for a claimed address verifies nothing once the address is its owner's", async ({ clients }) => {
    const { users, organizations } = clients[kind];
    const email = address();
    const attacker = await createUser(clients[kind], { email });
    const { token } = await users.createEmailVerification({ userId: attacker.id, email });
    const organization = await createOrganization(clients[kind]);
    await organizations.inviteMember({ organizationId: organization.id, email, role: 2 });
    const { user } = await users.getOrCreateUserByEmail({ email, emailVerified: true });
    await expectRefusal(users.verifyEmail({ token }), "AlreadyExists", "EMAIL_TAKEN");
    await expectRefusal(users.markEmailVerified({ userId: attacker.id, email }), "AlreadyExists", "EMAIL_TAKEN");
    await expectRefusal(users.setPrimaryEmail({ userId: attacker.id, email: address() }), "NotFound", "EMAIL_NOT_FOUND");
    const pairs = [user?.id ?? 0n, attacker.id].map((userId) => ({ userId, organizationId: organization.id }));
    expect((await organizations.batchGetMemberships({ pairs })).results.map(({ isMember }) => isMember)).toEqual([true, false]);
  });

  test("U20 the same request_id gives the same answer, also after the address has gone", async ({ clients }) => {
    const { users } = clients[kind];
    const request = { email: address(), emailVerified: true, requestId: crypto.randomUUID() };
    const first = await users.getOrCreateUserByEmail(request);
    expect(await users.getOrCreateUserByEmail(request)).toEqual(first);
  });

  test("U27 VerifyPassword by address: the owner's alone, and a claim keeps nobody out", async ({ clients }) => {
    const { users } = clients[kind];
    const [email, password] = [address(), "correct horse battery"];
    const attacker = await createUser(clients[kind]);
    await users.addUserEmail({ userId: attacker.id, email });
    await users.setPassword({ userId: attacker.id, password });
    const by = { user: { case: "email" as const, value: email }, password };
    // An address that is merely one of several, and not verified, is not the attacker's.
    expect(await users.verifyPassword(by)).toMatchObject({ valid: false });
    const owner = await createUser(clients[kind], { username: unique("n"), email });
    await users.setPassword({ userId: owner.id, password });
    expect(await users.verifyPassword(by)).toMatchObject({ valid: true, user: { id: owner.id } });
    const rival = await createUser(clients[kind], { username: unique("n"), email });
    expect(await users.verifyPassword(by)).toMatchObject({ valid: false });
    await users.suspendUser({ id: rival.id });
    expect(await users.verifyPassword(by)).toMatchObject({ valid: true, user: { id: owner.id } });
    await users.unsuspendUser({ id: rival.id });
    await verify(clients[kind], owner.id, email);
    expect(await users.verifyPassword(by)).toMatchObject({ valid: true, user: { id: owner.id } });
  });
});

describe("U20 what waits for the owner of an address", { concurrent: true }, () => {
  test.for(Object.keys(traps))("U20 %s that waits for the owner of a vouched address: a new user", async (trap, { clients }) => {
    const { users, changes } = clients["grpc-js"];
    const email = address();
    const attacker = await createUser(clients["grpc-js"], { email });
    expect(attacker.username).toBe(email);
    await traps[trap]?.(clients["grpc-js"], attacker.id, email);
    const answer = await users.getOrCreateUserByEmail({ email, emailVerified: true });
    expect(answer).toMatchObject({ created: true, matchedUnverified: false });
    expect(answer.user).toMatchObject({
      username: email,
      email,
      hasUsablePassword: false,
      emails: [{ email, isVerified: true, isPrimary: true }],
    });
    const rival = (await users.getUser({ id: attacker.id })).user;
    expect(rival?.username).toMatch(/^local-[0-9a-f]{16}$/);
    expect(rival?.emails.find((one) => one.email === email)?.isVerified).toBe(false);
    const { auditEntries } = await changes.listAuditEntries({ filter: { userId: attacker.id, kinds: ["users"] } });
    expect(auditEntries[0]?.changedFields.toSorted()).toEqual(["session_nonce", "username"]);
    // From now on the address is its owner's, however it is asked for.
    expect((await users.getOrCreateUserByEmail({ email })).user?.id).toBe(answer.user?.id);
    const { results } = await users.lookupUsers({ keys: [{ key: { case: "username", value: email } }] });
    expect(results).toMatchObject([{ status: LookupStatus.FOUND, user: { id: answer.user?.id } }]);
  });
});

describe("U20 at the same time", () => {
  test("concurrent calls with one new address create one user, vouched for or not", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    for (let round = 0; round < 5; round++) {
      const email = address();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => users.getOrCreateUserByEmail({ email, emailVerified: index % 2 === 0 })),
      );
      const ids = new Set(answers.map(({ user }) => user?.id));
      expect(answers.filter(({ created }) => created)).toHaveLength(1);
      expect(ids.size).toBe(1);
    }
  });

  test("whoever else takes the address meanwhile, it is verified for one user, who is returned from then on", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    for (let round = 0; round < 5; round++) {
      const email = address();
      const rival = await createUser(clients["grpc-js"], { username: unique("n"), email: round % 2 ? email : address() });
      const { token } = round % 2 ? await users.createEmailVerification({ userId: rival.id, email }) : { token: "none" };
      const settled = await Promise.allSettled([
        users.getOrCreateUserByEmail({ email, emailVerified: true }),
        users.createUser({ user: { username: email } }),
        users.createUser({ user: buildUser({ username: unique("n"), email }) }),
        users.addUserEmail({ userId: rival.id, email }),
        users.verifyEmail({ token }),
        users.getOrCreateUserByEmail({ email, emailVerified: true }),
      ]);
      const [first, , , , , last] = settled;
      if (first?.status !== "fulfilled" || last?.status !== "fulfilled")
        expect.fail(String([first, last].map((one) => JSON.stringify(one))));
      const owner = (await users.getOrCreateUserByEmail({ email })).user;
      expect(owner?.emails.find((one) => one.email === email)?.isVerified).toBe(true);
      expect([first.value.user?.id, last.value.user?.id]).toEqual([owner?.id, owner?.id]);
      const { results } = await users.lookupUsers({ keys: [{ key: { case: "email", value: email } }], onlyVerifiedEmail: true });
      expect(results).toMatchObject([{ status: LookupStatus.FOUND, user: { id: owner?.id } }]);
    }
  });
});
