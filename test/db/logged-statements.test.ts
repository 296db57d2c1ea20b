import pg from "pg";
import { expect, test } from "vitest";
import { startApp } from "../../src/app.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { addVerifiedEmail, createAccount, createOrganization, createProfile, createUser, unique, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { startPostgres } from "../support/postgres.ts";
import { testConfig } from "../support/service.ts";

/** The server says the text of every statement, and nothing of the parameters that are bound to it. */
const settings = ["log_statement=all", "log_parameter_max_length=0", "log_parameter_max_length_on_error=0", "log_error_verbosity=terse"];

test("nothing that identifies a person or is secret stands in the text of a statement", { timeout: 120_000 }, async () => {
  const log: string[] = [];
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres({ settings, onLog: (lines) => void log.push(lines) });
  stack.defer(() => postgres.stop());
  const app = stack.use(await startApp(testConfig(postgres.url), silent, { migrate: true }));
  const all = createClients(app);
  stack.defer(() => all.close());
  const clients = all.byKind["grpc-js"];
  const { users, profiles, organizations } = clients;

  // Each value of the test is of this shape, and no statement of ours holds it.
  const word = () => unique("marker");
  const address = () => `${word()}@example.com`;
  const config = () => value({ [word()]: word() });
  const metadata = () => ({ name: word(), description: word(), tags: [word()], annotations: [{ [word()]: word() }] });

  const { id } = await createUser(clients, { username: word(), email: address(), name: word(), externalId: word() });
  await users.updateUser({ user: { id, username: word(), name: word(), externalId: word(), isStaff: true } });
  await users.setPassword({ userId: id, password: word() });
  await users.setPrimaryEmail({ userId: id, email: await addVerifiedEmail(clients, id, address()) });
  const email = address();
  await users.addUserEmail({ userId: id, email });
  await users.markEmailVerified({ userId: id, email });
  await users.getOrCreateUserByEmail({ email: address() });

  const account = await createAccount(clients, metadata());
  await profiles.updateAccount({ account: { id: account.id, ...metadata() } });
  const profile = await createProfile(clients, id, account.id, metadata());
  await profiles.updateProfile({ profile: { id: profile.id, ...metadata(), profileImageUrl: `https://example.com/${word()}` } });

  const organization = await createOrganization(clients, { name: word() }, id);
  const organizationId = organization.id;
  const other = await createUser(clients, { username: word(), email: address() });
  await organizations.addMember({ organizationId, userId: other.id, role: MemberRole.MEMBER });
  await organizations.setMemberRole({ organizationId, member: { case: "userId", value: other.id }, role: MemberRole.ADMIN });
  await organizations.inviteMember({ organizationId, email: address(), role: MemberRole.MEMBER });

  const role = { name: word() };
  await users.createRole({ role: { ...role, permissions: [`${word()}.read`] } });
  await users.updateRole({ role: { ...role, permissions: [`${word()}.write`] } });
  const identity = (await users.createIdentityProvider({ provider: { type: word(), externalId: word(), config: config() } })).provider;
  await users.updateIdentityProvider({ provider: { id: identity?.id ?? 0n, externalId: word(), config: config() } });
  const auth = (await users.createAuthProvider({ provider: { organizationId, provider: word(), config: config() } })).provider;
  await users.updateAuthProvider({ provider: { id: auth?.id ?? 0n, provider: word(), config: config() } });
  await users.deleteUser({ id: other.id });

  // A value in the text would be seen: this one is.
  const client = new pg.Client(postgres.url);
  await client.connect();
  await client.query("select 'marker-in-the-text'");
  await client.end();
  await expect.poll(() => log.join("").includes("marker-in-the-text"), { timeout: 10_000 }).toBe(true);
  expect(log.join("")).toContain('update "user_profile"');
  expect(
    log
      .join("")
      .split("\n")
      .filter((line) => /marker(?!-in-the-text)/.test(line)),
  ).toEqual([]);
});
