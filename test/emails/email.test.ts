import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { tokenHash } from "../../src/secrets/secret-token.ts";
import { addVerifiedEmail, createUser, unique, value, verifyEmail } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;
const uniqueEmail = () => `${unique("e-")}@example.com`;

describe.for(clientKinds)("addresses, through %s", { concurrent: true }, (kind) => {
  test("U21 an added address is unverified and not the primary one; the same again is ALREADY_EXISTS", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId, email: primary } = await createUser(clients[kind]);
    const email = `${unique("Second")}@Example.com`;
    expect((await users.addUserEmail({ userId, email })).email).toMatchObject({ email, isVerified: false, isPrimary: false });
    await expectRefusal(users.addUserEmail({ userId, email: email.toLowerCase() }), "AlreadyExists", "EMAIL_TAKEN");
    const { emails } = await users.listUserEmails({ userId });
    expect(emails.map((listed) => listed.email)).toEqual([primary, email]);
    for (const bad of ["nobody", "", "a@b\0c", `${"e".repeat(200)}@example.com`]) {
      const { fields } = await expectRefusal(users.addUserEmail({ userId, email: bad }), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual(["email"]);
    }
    await expectRefusal(users.addUserEmail({ userId: UNKNOWN_USER, email: uniqueEmail() }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.listUserEmails({ userId: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
  });

  test("U2 an added address is nobody else's username", async ({ clients }) => {
    const { users } = clients[kind];
    const username = uniqueEmail();
    await users.createUser({ user: { username } });
    const { id: userId } = await createUser(clients[kind]);
    await expectRefusal(users.addUserEmail({ userId, email: username.toUpperCase() }), "AlreadyExists", "EMAIL_TAKEN");
  });

  test("U22 the right token verifies, and does so again while the address is verified", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId, email = "" } = await createUser(clients[kind]);
    const { token, expireTime } = await users.createEmailVerification({ userId, email: email.toUpperCase() });
    const hours = ((expireTime ? timestampDate(expireTime).getTime() : 0) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(47.9);
    expect(hours).toBeLessThan(48.1);
    expect(await users.verifyEmail({ token })).toMatchObject({ userId, email, alreadyVerified: false });
    expect(await users.verifyEmail({ token })).toMatchObject({ userId, email, alreadyVerified: true });
    expect((await users.listUserEmails({ userId })).emails).toMatchObject([{ email, isVerified: true, isPrimary: true }]);
  });

  test("U22 a replaced, expired, foreign or malformed token is refused, all alike", async ({ clients, db }) => {
    const { users } = clients[kind];
    const { id: userId, email = "" } = await createUser(clients[kind]);
    const { token: replaced } = await users.createEmailVerification({ userId, email });
    const { token: expired } = await users.createEmailVerification({ userId, email });
    await sql`update user_email set verification_hash_time = now() - interval '49 hours' where user_id = ${userId}`.execute(db.sql);
    const refused = [replaced, expired, "x".repeat(43), "no token"].map((token) => users.verifyEmail({ token }));
    const messages = await Promise.all(refused.map((call) => expectRefusal(call, "FailedPrecondition", "TOKEN_REFUSED")));
    expect(new Set(messages.map(({ error }) => error.rawMessage)).size).toBe(1);
    await expectRefusal(users.createEmailVerification({ userId, email: uniqueEmail() }), "NotFound", "EMAIL_NOT_FOUND");
  });

  test("U22 U3 an address that somebody else has verified since can't be verified", async ({ clients }) => {
    const { users } = clients[kind];
    const email = uniqueEmail();
    const { id: first } = await createUser(clients[kind]);
    const { id: second } = await createUser(clients[kind]);
    await users.addUserEmail({ userId: second, email });
    const { token } = await users.createEmailVerification({ userId: second, email });
    await addVerifiedEmail(clients[kind], first, email);
    await expectRefusal(users.verifyEmail({ token }), "AlreadyExists", "EMAIL_TAKEN");
  });

  test("U23 the primary address is verified, and nobody else's primary address or username", async ({ clients, db }) => {
    const { users } = clients[kind];
    const { id: userId, etag } = await createUser(clients[kind]);
    const email = uniqueEmail();
    await users.addUserEmail({ userId, email });
    await expectRefusal(users.setPrimaryEmail({ userId, email }), "FailedPrecondition", "EMAIL_NOT_VERIFIED");
    await expectRefusal(users.setPrimaryEmail({ userId, email: uniqueEmail() }), "NotFound", "EMAIL_NOT_FOUND");
    await createUser(clients[kind], { username: unique("n"), email });
    const { token } = await users.createEmailVerification({ userId, email });
    await users.verifyEmail({ token });
    await expectRefusal(users.setPrimaryEmail({ userId, email }), "AlreadyExists", "EMAIL_TAKEN");
    expect((await users.getUser({ id: userId })).user?.etag).toBe(etag);
    // Such a username can only have been imported.
    const other = await addVerifiedEmail(clients[kind], userId);
    const { id: namesake } = await createUser(clients[kind]);
    await sql`update users set username = ${other}, username_canonical = lower(${other}) where id = ${namesake}`.execute(db.sql);
    await expectRefusal(users.setPrimaryEmail({ userId, email: other }), "AlreadyExists", "EMAIL_TAKEN");
    // The username would follow, and be an address of somebody else.
    const own = uniqueEmail();
    const { id: follower } = await createUser(clients[kind], { username: own, email: own });
    const next = await addVerifiedEmail(clients[kind], follower);
    await users.addUserEmail({ userId, email: next });
    await expectRefusal(users.setPrimaryEmail({ userId: follower, email: next }), "AlreadyExists", "USERNAME_TAKEN");
  });

  test("U23 options, username, reset tokens and sessions follow the primary address", async ({ clients, db }) => {
    const { users, options } = clients[kind];
    const { id: userId, email: old = "" } = await createUser(clients[kind]);
    await verifyEmail(clients[kind], userId, old);
    const email = await addVerifiedEmail(clients[kind], userId);
    const elsewhere = await addVerifiedEmail(clients[kind], userId);
    await options.setOption({ userId, key: "mail:email", value: value(old.toUpperCase()), projectId: 7n });
    await options.setOption({ userId, key: "mail:email", value: value(elsewhere), projectId: 8n });
    const { token } = await users.createPasswordReset({ userId });
    const { sessionNonce } = await users.rotateSessionNonce({ userId });
    const { user } = await users.setPrimaryEmail({ userId, email: email.toUpperCase() });
    expect(user).toMatchObject({ email, username: email, label: email });
    expect(user?.emails.filter(({ isPrimary }) => isPrimary).map((listed) => listed.email)).toEqual([email]);
    expect(user?.emails.map((listed) => listed.email).sort()).toEqual([email, elsewhere, old].sort());
    expect((await options.getOption({ userId, key: "mail:email", projectId: 7n })).value).toEqual(value(email));
    expect((await options.getOption({ userId, key: "mail:email", projectId: 8n })).value).toEqual(value(elsewhere));
    await expectRefusal(users.resetPassword({ token, password: "new" }), "FailedPrecondition", "TOKEN_REFUSED");
    const { rows } = await sql<{ session_nonce: string }>`select session_nonce from users where id = ${userId}`.execute(db.sql);
    expect(rows[0]?.session_nonce).not.toBe(sessionNonce);
    expect((await users.setPrimaryEmail({ userId, email })).user?.etag).toBe(user?.etag);
  });

  test("U23 a username of its own stays", async ({ clients }) => {
    const { users } = clients[kind];
    const username = unique("n");
    const { id: userId } = await createUser(clients[kind], { username });
    const email = await addVerifiedEmail(clients[kind], userId);
    expect((await users.setPrimaryEmail({ userId, email })).user).toMatchObject({ username, email });
  });

  test("U24 the primary address can't be removed; with another one go the options that use it", async ({ clients }) => {
    const { users, options } = clients[kind];
    const { id: userId, email: primary = "" } = await createUser(clients[kind]);
    await verifyEmail(clients[kind], userId, primary);
    const email = await addVerifiedEmail(clients[kind], userId);
    await options.setOption({ userId, key: "mail:email", value: value(email), projectId: 7n });
    await options.setOption({ userId, key: "mail:email", value: value(primary), projectId: 8n });
    await expectRefusal(users.removeUserEmail({ userId, email: primary.toUpperCase() }), "FailedPrecondition", "EMAIL_IS_PRIMARY");
    const request = { userId, email: email.toUpperCase(), requestId: crypto.randomUUID() };
    const removed = await users.removeUserEmail(request);
    expect(await users.removeUserEmail(request)).toEqual(removed);
    expect((await options.listOptions({ userId, allScopes: true })).options).toMatchObject([{ projectId: 8n }]);
    await expectRefusal(users.removeUserEmail({ userId, email }), "NotFound", "EMAIL_NOT_FOUND");
  });

  test("U25 each pair has its own answer", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId, email: unverified = "" } = await createUser(clients[kind]);
    const verified = await addVerifiedEmail(clients[kind], userId);
    const pairs = [
      { userId, email: verified.toUpperCase() },
      { userId, email: unverified },
      { userId, email: uniqueEmail() },
      { userId: UNKNOWN_USER, email: verified },
      { userId, email: verified },
    ];
    const yes = { exists: true, isVerified: true };
    const no = { exists: false, isVerified: false };
    expect((await users.verifyUserEmails({ pairs })).results).toMatchObject([yes, { exists: true, isVerified: false }, no, no, yes]);
    expect((await users.verifyUserEmails({ pairs, onlyVerified: true })).results).toMatchObject([yes, no, no, no, yes]);
    await expectRefusal(users.verifyUserEmails({ pairs: [] }), "InvalidArgument", "FIELD_INVALID");
  });
});

test("U21 of two calls that add one address at once, one adds it", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const email = uniqueEmail();
  const calls = await Promise.allSettled(Array.from({ length: 10 }, () => users.addUserEmail({ userId, email })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const [refused] = calls.filter((call): call is PromiseRejectedResult => call.status === "rejected");
  await expectRefusal(Promise.reject(refused?.reason), "AlreadyExists", "EMAIL_TAKEN");
});

test("U3 of two users that verify one address at once, one has it", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const email = uniqueEmail();
  const tokens = await Promise.all(
    [1, 2, 3].map(async () => {
      const { id: userId } = await createUser(clients["grpc-js"]);
      await users.addUserEmail({ userId, email });
      return (await users.createEmailVerification({ userId, email })).token;
    }),
  );
  const calls = await Promise.allSettled(tokens.map((token) => users.verifyEmail({ token })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const call of calls)
    if (call.status === "rejected") await expectRefusal(Promise.reject(call.reason), "AlreadyExists", "EMAIL_TAKEN");
});

test("U2 a username and an address that two calls claim at once have one owner", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  for (let round = 0; round < 5; round++) {
    const name = uniqueEmail();
    const [added, created] = await Promise.allSettled([
      users.addUserEmail({ userId, email: name }),
      users.createUser({ user: { username: name.toUpperCase() } }),
    ]);
    expect([added.status, created.status].sort()).toEqual(["fulfilled", "rejected"]);
  }
});

test("a token is stored as its hash only", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id: userId, email = "" } = await createUser(clients["grpc-js"]);
  const { token } = await users.createEmailVerification({ userId, email });
  const stored = await db.sql.selectFrom("user_email").select("verification_hash").where("user_id", "=", userId).executeTakeFirst();
  expect(Buffer.from(token, "base64url")).toHaveLength(32);
  expect(Buffer.from(stored?.verification_hash ?? [])).toEqual(tokenHash(token));
});

test("nothing of a deleted user's addresses can be written", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId, email = "" } = await createUser(clients["grpc-js"]);
  const { token } = await users.createEmailVerification({ userId, email });
  await users.deleteUser({ id: userId });
  const writes = [
    users.addUserEmail({ userId, email: uniqueEmail() }),
    users.removeUserEmail({ userId, email }),
    users.setPrimaryEmail({ userId, email }),
    users.createEmailVerification({ userId, email }),
    users.verifyEmail({ token }),
    users.updateUser({ user: { id: userId, name: "x" } }),
  ];
  await Promise.all(writes.map((call) => expectRefusal(call, "FailedPrecondition", "USER_DELETED")));
  await expectRefusal(createUser(clients["grpc-js"], { username: email }), "AlreadyExists", "USERNAME_TAKEN");
});
