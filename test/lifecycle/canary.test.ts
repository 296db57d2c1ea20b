import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { buildUser, unique, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { test } from "../support/database.ts";
import { testConfig } from "../support/service.ts";

const secret = (word: string) => `canary-${word}-${unique("")}`;

/** Words that are sent in every place where a secret could stand. */
const address = `${secret("address")}@example.com`;
const word = secret("password");
const token = secret("token");
const canaries = [address, word, token, "canary-"];

test("an address, a password and a token never show up in logs, error messages or metrics", async ({ databaseUrl }) => {
  const lines: string[] = [];
  const log = createLogger("debug", { write: (line) => void lines.push(line) });
  await using app = await startApp(testConfig(databaseUrl, { LOG_LEVEL: "debug" }), log, { migrate: true });
  const { byKind, close } = createClients(app);
  const answers: string[] = [];
  const headers = { authorization: `Bearer ${token}`, "x-acting-user-id": "1" };
  const bad = { authorization: `Bearer ${token}`, "x-acting-user-id": word, "x-request-id": `${word} ${address}`, traceparent: token };

  for (const { users, options, organizations, profiles } of Object.values(byKind)) {
    const { user } = await users.createUser({ user: buildUser({ email: unique("x") + address, name: word }) });
    const userId = user?.id ?? 0n;
    const { organization: company } = await organizations.createOrganization({ organization: { name: "Company" } });
    const { account: { id: accountId = 0n } = {} } = await profiles.createAccount({ account: {} });
    await profiles.createProfile({ profile: { userId, accountId } });
    const calls = [
      () => profiles.addAccountContact({ accountId, contact: { email: unique("x") + address, name: word, isPrimary: true } }, { headers }),
      () => profiles.addAccountContact({ accountId, contact: { email: word, name: word.repeat(40) } }, { headers }),
      () => profiles.removeAccountContact({ accountId, email: address }, { headers }),
      () => profiles.createProfile({ profile: { userId, accountId } }, { headers }),
      () =>
        profiles.listProfiles(
          {
            filter: {
              node: {
                case: "term",
                value: { condition: { case: "userEmail", value: { match: { case: "equals", value: `${address}\0` } } } },
              },
            },
          },
          { headers },
        ),
      () => users.createUser({ user: { email: address } }, { headers }),
      () => users.createUser({ user: { email: address } }, { headers }),
      () => users.createUser({ user: { username: address.toUpperCase() } }, { headers }),
      () => users.createUser({ user: { email: `${word} no address`, name: word.repeat(40) } }, { headers }),
      () => users.createUser({ user: { email: address }, requestId: word }, { headers }),
      () => users.getUser({ id: userId, consistency: { mode: { case: "atLeastAsFresh", value: token } } }, { headers }),
      () => users.updateUser({ user: { id: userId, email: `other${address}`, etag: word } }, { headers }),
      () => users.updateUser({ user: { id: userId, username: address }, updateMask: { paths: [word] } }, { headers }),
      () =>
        users.lookupUsers({ keys: [{ key: { case: "email", value: address } }, { key: { case: "username", value: word } }] }, { headers }),
      () => users.lookupUsers({ keys: [{ key: { case: "email", value: word.repeat(20) } }] }, { headers }),
      () => options.setOption({ userId, key: "k", value: value({ [word]: [address, token] }) }, { headers }),
      () => options.setOption({ userId, key: "k", value: value(`${word}\0`) }, { headers }),
      () => options.setOption({ userId, key: "k", value: value(word), etag: word }, { headers }),
      () => options.setOption({ userId: 9_000_000_000_000n, key: "k", value: value(word) }, { headers }),
      () => options.getOption({ userId, key: `${word} ${address}`, defaultValue: value(word) }, { headers }),
      () => options.getOption({ userId, key: "k" }, { headers: bad }),
      () => options.batchGetOptions({ userIds: [userId], keys: [address] }, { headers }),
      () => options.listOptions({ userId, consistency: { mode: { case: "atLeastAsFresh", value: token } } }, { headers }),
      () => options.deleteOption({ userId, key: "k", etag: token }, { headers }),
      () => organizations.inviteMember({ organizationId: company?.id ?? 0n, email: address, role: 1 }, { headers }),
      () => organizations.inviteMember({ organizationId: company?.id ?? 0n, email: address, role: 1 }, { headers }),
      () => organizations.inviteMember({ organizationId: 1n, email: `${word} no address`, role: 1 }, { headers }),
    ];
    for (const call of calls) {
      await call().catch((error: Error) =>
        answers.push(
          error.message,
          JSON.stringify(error, (_, item) => (typeof item === "bigint" ? String(item) : item)),
        ),
      );
    }
  }
  const { port } = app.httpAddress;
  const post = (body: string, type = "application/json") =>
    fetch(`http://127.0.0.1:${port}/userd.v1.UserService/CreateUser`, {
      method: "POST",
      body,
      headers: { "content-type": type, ...headers },
    });
  for (const body of [
    `{"user":{"email":${word}}}`,
    `{"user":{"${word}":1}}`,
    `{"user":{"isActive":"${word}"}}`,
    `{"user":{"email":["${address}"]}}`,
  ]) {
    answers.push(await (await post(body)).text());
  }
  answers.push(await (await post(word, "application/proto")).text());
  answers.push(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  close();

  expect(lines.length).toBeGreaterThan(80);
  expect(answers.length).toBeGreaterThan(80);
  const leaked = [...lines, ...answers].filter((text) => canaries.some((canary) => text.toLowerCase().includes(canary.toLowerCase())));
  expect(leaked).toEqual([]);
});
