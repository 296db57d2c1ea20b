import { describe, expect } from "vitest";
import { AuthenticatorType } from "../../src/gen/userd/v1/authenticator_pb.ts";
import { createVault } from "../../src/secrets/secrets.ts";
import { createUser, unique, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;
const { RECOVERY_CODES, TOTP, SMS, U2F } = AuthenticatorType;

describe.for(clientKinds)("authenticators, through %s", { concurrent: true }, (kind) => {
  test("U36 recovery codes alone are no second factor", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const has2fa = async () => (await users.getUser({ id: userId })).user?.has2fa;
    expect(await has2fa()).toBe(false);
    await users.addAuthenticator({ userId, type: RECOVERY_CODES, config: value(["1", "2"]) });
    expect(await has2fa()).toBe(false);
    await users.addAuthenticator({ userId, type: TOTP, config: value({ secret: "x" }) });
    expect(await has2fa()).toBe(true);
    const { id: none } = await createUser(clients[kind]);
    const { results } = await users.batchHas2fa({ userIds: [userId, UNKNOWN_USER, none, userId] });
    expect(results.map((result) => [result.userId, result.has2fa])).toEqual([
      [userId, true],
      [UNKNOWN_USER, false],
      [none, false],
      [userId, true],
    ]);
    await users.removeAuthenticator({ userId, type: TOTP });
    expect(await has2fa()).toBe(false);
  });

  test("a user has one authenticator of a type; its config comes back as it was", async ({ clients }) => {
    const { users } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const config = value({ devices: [{ name: "Schlüssel", counter: 1.5 }], empty: null });
    const { authenticator } = await users.addAuthenticator({ userId, type: U2F, config });
    expect(authenticator).toMatchObject({ userId, type: U2F, config });
    await expectRefusal(users.addAuthenticator({ userId, type: U2F }), "AlreadyExists", "AUTHENTICATOR_TAKEN");
    await users.addAuthenticator({ userId, type: SMS });
    const { authenticators } = await users.listAuthenticators({ userId });
    expect(authenticators).toMatchObject([{ type: SMS }, { type: U2F, config }]);
    expect(authenticators[0]?.config).toBeUndefined();
    const request = { userId, type: U2F, requestId: crypto.randomUUID() };
    const removed = await users.removeAuthenticator(request);
    expect(await users.removeAuthenticator(request)).toEqual(removed);
    await expectRefusal(users.removeAuthenticator({ userId, type: U2F }), "NotFound", "AUTHENTICATOR_NOT_FOUND");
    await expectRefusal(users.addAuthenticator({ userId }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.addAuthenticator({ userId: UNKNOWN_USER, type: U2F }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.listAuthenticators({ userId: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
  });
});

test("a config is stored so that only the secret key opens it", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const secret = unique("canary");
  await users.addAuthenticator({ userId, type: TOTP, config: value({ secret }) });
  const { config } = await db.sql.selectFrom("authenticator").select("config").where("user_id", "=", userId).executeTakeFirstOrThrow();
  const bytes = Buffer.from(config ?? []);
  expect(bytes.includes(secret)).toBe(false);
  expect(createVault(Buffer.alloc(32, 7)).unlock(bytes)).toBe(JSON.stringify({ secret }));
  expect(() => createVault(Buffer.alloc(32, 8)).unlock(bytes)).toThrow();
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => createVault(Buffer.alloc(32, 7)).unlock(bytes)).toThrow();
});

test("a config of another secret key is refused by name, and can be removed", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  await users.addAuthenticator({ userId, type: TOTP, config: value({ secret: "x" }) });
  const foreign = createVault(Buffer.alloc(32, 8)).lock('{"secret":"x"}');
  for (const config of [foreign, Buffer.from("short"), Buffer.alloc(0)]) {
    await db.sql.updateTable("authenticator").set({ config }).where("user_id", "=", userId).execute();
    await expectRefusal(users.listAuthenticators({ userId }), "FailedPrecondition", "SECRET_UNREADABLE");
  }
  await users.removeAuthenticator({ userId, type: TOTP });
  expect((await users.listAuthenticators({ userId })).authenticators).toEqual([]);
});

test("of calls that add one type at once, one adds it", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const calls = await Promise.allSettled(Array.from({ length: 6 }, () => users.addAuthenticator({ userId, type: TOTP })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("no authenticator of a deleted user can be written", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  await users.addAuthenticator({ userId, type: TOTP });
  await users.deleteUser({ id: userId });
  const writes = [users.addAuthenticator({ userId, type: SMS }), users.removeAuthenticator({ userId, type: TOTP })];
  await Promise.all(writes.map((call) => expectRefusal(call, "FailedPrecondition", "USER_DELETED")));
});
