import { Writable } from "node:stream";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { AuthenticatorType } from "../../src/gen/userd/v1/authenticator_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { unique, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { test, testConfig } from "../support/service.ts";

test("no address, password, token, hash or config is in a log, a metric or an error", async ({ databaseUrl, db }) => {
  const said: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      said.push(String(chunk));
      done();
    },
  });
  await using app = await startApp(testConfig(databaseUrl), createLogger("trace", stream), { migrate: true });
  const { byKind, close } = createClients(app);
  const { users, options } = byKind["Connect JSON"];
  const refused = (call: Promise<unknown>) =>
    call.then(
      () => expect.fail("expected a refusal"),
      (error: Error) => said.push(error.message),
    );

  const word = unique("canary");
  const [email, second, username, password, external] = [`${word}@example.com`, `${word}2@example.com`, word, `${word}pw`, `${word}ext`];
  const { user } = await users.createUser({ user: { username, name: word, email } });
  const userId = user?.id ?? 0n;
  await refused(users.createUser({ user: { username } }));
  await refused(users.createUser({ user: { username: email } }));
  await users.addUserEmail({ userId, email: second });
  await refused(users.addUserEmail({ userId, email: second }));
  await refused(users.addUserEmail({ userId, email: `${word} no address` }));
  const { token } = await users.createEmailVerification({ userId, email: second });
  await refused(users.verifyEmail({ token: `${token}x` }));
  await users.verifyEmail({ token });
  await users.setPrimaryEmail({ userId, email: second });
  await refused(users.removeUserEmail({ userId, email: second }));
  await users.setPassword({ userId, password });
  await users.verifyPassword({ user: { case: "email", value: second }, password });
  const { token: reset } = await users.createPasswordReset({ userId });
  await users.resetPassword({ token: reset, password });
  await refused(users.resetPassword({ token: reset, password }));
  const { sessionNonce } = await users.rotateSessionNonce({ userId });
  const { provider } = await users.createIdentityProvider({ provider: { type: "canary", config: value(word) } });
  const providerId = provider?.id ?? 0n;
  await users.linkIdentity({ userId, providerId, externalId: external, data: value(word) });
  await refused(users.linkIdentity({ userId, providerId, externalId: `${external}2` }));
  await users.addAuthenticator({ userId, type: AuthenticatorType.TOTP, config: value(word) });
  await refused(users.addAuthenticator({ userId, type: AuthenticatorType.TOTP, config: value(word) }));
  await options.setOption({ userId, key: "contact", value: value(email) });
  await users.recordActivity({ userId, ip: "203.0.113.77" });

  said.push(await (await fetch(`http://${formatAddress(app.httpAddress)}/metrics`)).text());
  close();
  const { password: hash } = await db.sql.selectFrom("users").select("password").where("id", "=", userId).executeTakeFirstOrThrow();
  const logged = await db.sql.selectFrom("changes").selectAll().where("aggregate_id", "=", userId).execute();
  expect(logged.length).toBeGreaterThan(10);
  expect(said.length).toBeGreaterThan(30);
  const all = `${said.join("\n")}\n${JSON.stringify(logged, (_, part) => (typeof part === "bigint" ? String(part) : part))}`;
  for (const secret of [word, token, reset, sessionNonce, hash, "203.0.113.77"]) expect(all).not.toContain(secret);
});
