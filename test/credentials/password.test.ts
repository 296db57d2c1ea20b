import { setTimeout as delay } from "node:timers/promises";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { addVerifiedEmail, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;
const byId = (value: bigint) => ({ case: "userId" as const, value });

describe.for(clientKinds)("credentials, through %s", (kind) => {
  test("U26 SetPassword stores argon2id, dates it, ends its expiry and the sessions", async ({ clients, db }) => {
    const { users } = clients[kind];
    const before = await createUser(clients[kind], { isPasswordExpired: true });
    const { id: userId } = before;
    expect(before).toMatchObject({ hasUsablePassword: false, isPasswordExpired: true });
    expect(before.lastPasswordChange).toBeUndefined();
    const { sessionNonce } = await users.rotateSessionNonce({ userId });
    await users.setPassword({ userId, password: "correct horse" });
    const { user } = await users.getUser({ id: userId });
    expect(user).toMatchObject({ hasUsablePassword: true, isPasswordExpired: false });
    expect(Math.abs((user?.lastPasswordChange ? timestampDate(user.lastPasswordChange).getTime() : 0) - Date.now())).toBeLessThan(60_000);
    const stored = await db.sql
      .selectFrom("users")
      .select(["password", "session_nonce"])
      .where("id", "=", userId)
      .executeTakeFirstOrThrow();
    expect(stored.password).toMatch(/^argon2\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(stored.session_nonce).not.toBe(sessionNonce);
    await expectRefusal(users.setPassword({ userId, password: "" }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.setPassword({ userId, password: "x".repeat(4_097) }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.setPassword({ userId: UNKNOWN_USER, password: "x" }), "NotFound", "USER_NOT_FOUND");
  });

  test("U10 the password of a managed user can't be changed", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind], { isManaged: true });
    await expectRefusal(users.setPassword({ userId, password: "x" }), "FailedPrecondition", "USER_MANAGED");
    await expectRefusal(users.createPasswordReset({ userId }), "FailedPrecondition", "USER_MANAGED");
  });

  test("U27 a right password is valid by id, username and address, and sets last_login", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId, username = "", email = "" } = await createUser(clients[kind], { username: unique("Nick") });
    await users.setPassword({ userId, password: "pässwörd" });
    for (const user of [
      byId(userId),
      { case: "username" as const, value: username.toUpperCase() },
      { case: "email" as const, value: email.toUpperCase() },
    ]) {
      const answer = await users.verifyPassword({ user, password: "pässwörd" });
      expect(answer).toMatchObject({ valid: true, user: { id: userId, emails: [{ email }] } });
      expect(answer.user?.lastLogin).toBeDefined();
      expect(await users.verifyPassword({ user, password: "passwort" })).toMatchObject({ valid: false });
    }
  });

  test("U28 an imported hash verifies and is rehashed at the first success", async ({ clients, db }) => {
    const { users } = clients[kind];
    for (const hash of Object.values(imported)) {
      const { id, etag } = await createUser(clients[kind]);
      const user = byId(id);
      await sql`update users set password = ${hash} where id = ${id}`.execute(db.sql);
      expect(await users.verifyPassword({ user, password: "lètmeinz" })).toMatchObject({ valid: false });
      const stored = () => db.sql.selectFrom("users").select("password").where("id", "=", id).executeTakeFirstOrThrow();
      expect((await stored()).password).toBe(hash);
      expect(await users.verifyPassword({ user, password: "lètmein" })).toMatchObject({ valid: true, user: { etag } });
      expect((await stored()).password).toMatch(/^argon2\$argon2id\$/);
      expect(await users.verifyPassword({ user, password: "lètmein" })).toMatchObject({ valid: true });
    }
  });

  test("U29 a reset token sets a password once", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const { token, expireTime } = await users.createPasswordReset({ userId });
    const minutes = ((expireTime ? timestampDate(expireTime).getTime() : 0) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(59);
    expect(minutes).toBeLessThan(61);
    expect(await users.resetPassword({ token, password: "new" })).toMatchObject({ userId });
    expect(await users.verifyPassword({ user: byId(userId), password: "new" })).toMatchObject({ valid: true });
    await expectRefusal(users.resetPassword({ token, password: "newer" }), "FailedPrecondition", "TOKEN_REFUSED");
    await expectRefusal(users.resetPassword({ token: "x".repeat(43), password: "newer" }), "FailedPrecondition", "TOKEN_REFUSED");
    await expectRefusal(users.createPasswordReset({ userId: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
  });

  test("U29 three tokens live: the oldest dies for a fourth, one use ends the others", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const tokens: string[] = [];
    for (let made = 0; made < 4; made++) tokens.push((await users.createPasswordReset({ userId })).token);
    const [oldest = "", second = "", third = "", youngest = ""] = tokens;
    expect(new Set(tokens).size).toBe(4);
    await expectRefusal(users.resetPassword({ token: oldest, password: "a" }), "FailedPrecondition", "TOKEN_REFUSED");
    await users.resetPassword({ token: second, password: "b" });
    for (const token of [third, youngest]) {
      await expectRefusal(users.resetPassword({ token, password: "c" }), "FailedPrecondition", "TOKEN_REFUSED");
    }
    const { token } = await users.createPasswordReset({ userId });
    await users.setPassword({ userId, password: "d" });
    await expectRefusal(users.resetPassword({ token, password: "e" }), "FailedPrecondition", "TOKEN_REFUSED");
  });

  test("U30 RotateSessionNonce gives a new random value every time", async ({ clients, db }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const nonces = new Set<string>();
    for (let round = 0; round < 5; round++) nonces.add((await users.rotateSessionNonce({ userId })).sessionNonce);
    expect(nonces.size).toBe(5);
    const stored = await db.sql.selectFrom("users").select("session_nonce").where("id", "=", userId).executeTakeFirstOrThrow();
    expect([...nonces].at(-1)).toBe(stored.session_nonce);
    await expectRefusal(users.rotateSessionNonce({ userId: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
  });
});

/** "lètmein", hashed by Django's own algorithms. */
const imported = {
  pbkdf2: "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=",
  scrypt: "scrypt$16384$seasalt$8$5$ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw==",
  bcrypt: "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuaQz6CVhbgRiZmnmiNLc9bv5cauhFkti",
};

test("U27 every answer costs one hash computation, and a refusal looks like any other", async ({ clients, db, service }) => {
  const { users } = clients["grpc-js"];
  const password = "right";
  const create = async (change = sql`name = name`) => {
    const { id } = await createUser(clients["grpc-js"]);
    await users.setPassword({ userId: id, password });
    await sql`update users set ${change} where id = ${id}`.execute(db.sql);
    return byId(id);
  };
  const deleted = await create();
  await users.deleteUser({ id: deleted.value });
  const shared = `${unique("shared")}@example.com`;
  for (const username of [unique("n"), unique("n")]) await createUser(clients["grpc-js"], { username, email: shared });
  const cases = {
    right: { user: await create(), password },
    wrong: { user: await create(), password: "wrong" },
    unknown: { user: byId(UNKNOWN_USER), password },
    "unknown username": { user: { case: "username" as const, value: unique("nobody") }, password },
    "unknown address": { user: { case: "email" as const, value: `${unique("nobody")}@example.com` }, password },
    "ambiguous address": { user: { case: "email" as const, value: shared }, password },
    "no password": { user: await create(sql`password = ''`), password },
    "unusable password": { user: await create(sql`password = '!unusable'`), password },
    "unknown format": { user: await create(sql`password = 'md5$salt$hash'`), password },
    "damaged hash": { user: await create(sql`password = left(password, 60)`), password },
    inactive: { user: await create(sql`is_active = false`), password },
    suspended: { user: await create(sql`is_suspended = true`), password },
    deleted: { user: deleted, password },
  };
  const computations = async (): Promise<number> => {
    const text = await (await fetch(`http://${formatAddress(service.httpAddress)}/metrics`)).text();
    return Number(/^userd_password_hashes_total (\d+)$/m.exec(text)?.[1]);
  };
  const verify = async (some: Readonly<Partial<typeof cases>>) => {
    // The page of metrics is made once a second.
    await delay(1_100);
    const before = await computations();
    for (const [name, request] of Object.entries(some)) {
      const answer = await users.verifyPassword(request);
      if (name === "right") expect(answer.valid).toBe(true);
      else expect({ ...answer }, name).toEqual({ $typeName: "userd.v1.VerifyPasswordResponse", valid: false, consistencyToken: "" });
    }
    await delay(1_100);
    expect((await computations()) - before, Object.keys(some).join()).toBe(Object.keys(some).length);
  };
  const { right, wrong, ...refused } = cases;
  await verify({ right, wrong });
  await verify(refused);
});

test("U27 of an address that several share, the one who has verified it is meant", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const email = `${unique("shared")}@example.com`;
  const { id: other } = await createUser(clients["grpc-js"], { username: unique("n"), email });
  const { id } = await createUser(clients["grpc-js"]);
  await addVerifiedEmail(clients["grpc-js"], id, email);
  await users.setPassword({ userId: other, password: "other" });
  await users.setPassword({ userId: id, password: "mine" });
  const user = { case: "email" as const, value: email };
  expect(await users.verifyPassword({ user, password: "mine" })).toMatchObject({ valid: true, user: { id } });
  expect(await users.verifyPassword({ user, password: "other" })).toMatchObject({ valid: false });
});

test("U28 sign-ins that come at once with an imported hash all succeed", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id } = await createUser(clients["grpc-js"]);
  await sql`update users set password = ${imported.pbkdf2} where id = ${id}`.execute(db.sql);
  const calls = Array.from({ length: 5 }, () => users.verifyPassword({ user: byId(id), password: "lètmein" }));
  expect((await Promise.all(calls)).every(({ valid }) => valid)).toBe(true);
});

test("U29 of two uses of one token at once, one succeeds", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { token } = await users.createPasswordReset({ userId });
  const calls = await Promise.allSettled(["a", "b", "c"].map((password) => users.resetPassword({ token, password })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("U29 a reset token ends after an hour", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { token } = await users.createPasswordReset({ userId });
  await sql`update password_reset set create_time = now() - interval '61 minutes' where user_id = ${userId}`.execute(db.sql);
  await expectRefusal(users.resetPassword({ token, password: "a" }), "FailedPrecondition", "TOKEN_REFUSED");
});

test("no credential of a deleted user can be written", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { token } = await users.createPasswordReset({ userId });
  await users.deleteUser({ id: userId });
  const writes = [
    users.setPassword({ userId, password: "x" }),
    users.createPasswordReset({ userId }),
    users.rotateSessionNonce({ userId }),
  ];
  await Promise.all(writes.map((call) => expectRefusal(call, "FailedPrecondition", "USER_DELETED")));
  await expectRefusal(users.resetPassword({ token, password: "x" }), "FailedPrecondition", "TOKEN_REFUSED");
});

test("a reset token dies with the deletion, the deactivation or the suspension of its user, and stays dead", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const ends = [
    [(id: bigint) => users.deleteUser({ id }), (id: bigint) => users.undeleteUser({ id })],
    [(id: bigint) => users.deactivateUser({ id }), (id: bigint) => users.reactivateUser({ id })],
    [(id: bigint) => users.suspendUser({ id }), (id: bigint) => users.unsuspendUser({ id })],
    [
      (id: bigint) => users.updateUser({ user: { id, isActive: false } }),
      (id: bigint) => users.updateUser({ user: { id, isActive: true } }),
    ],
  ] as const;
  for (const [end, begin] of ends) {
    const { id: userId } = await createUser(clients["grpc-js"]);
    const { token } = await users.createPasswordReset({ userId });
    await end(userId);
    await expectRefusal(users.resetPassword({ token, password: "x" }), "FailedPrecondition", "TOKEN_REFUSED");
    await begin(userId);
    await expectRefusal(users.resetPassword({ token, password: "x" }), "FailedPrecondition", "TOKEN_REFUSED");
  }
});
