import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { expect } from "vitest";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { createAccount, createOrganization, createUser, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

/** Writes that have a request_id: `repeat` does the same again. */
type Written = { readonly name: string; readonly repeat: () => Promise<unknown> };

/** Writes once, and returns how to repeat it. */
const written = async <R extends object>(name: string, call: (request: R) => Promise<unknown>, request: R): Promise<Written> => {
  const same = { ...request, requestId: randomUUID() };
  await call(same);
  return { name, repeat: () => call(same) };
};

/** Writes everything about a person that is answered with something of the person. */
const writeAbout = async (own: Clients, marker: string) => {
  const { users, options, profiles, organizations } = own;
  const email = `${marker}@example.com`;
  const { id: organizationId } = await createOrganization(own);
  const { id: accountId } = await createAccount(own);
  // Before there is a user who has the address.
  const invited = await written("InviteMember", organizations.inviteMember, { organizationId, email, role: MemberRole.MEMBER });
  const { members } = await organizations.listMembers({ organizationId });
  const memberId = members.find((one) => one.email === email)?.id ?? 0n;
  const sent = await written("ResendInvitation", organizations.resendInvitation, { organizationId, memberId });
  const contact = await written("AddAccountContact", profiles.addAccountContact, { accountId, contact: { email, name: marker } });
  const create = { user: { username: `${marker}-name`, name: marker, email }, requestId: randomUUID() };
  const userId = (await users.createUser(create)).user?.id ?? 0n;
  const about = [
    ...[invited, sent, contact, { name: "CreateUser", repeat: () => users.createUser(create) }],
    await written("SetOption", options.setOption, { userId, key: "k", value: value(marker) }),
    await written("AddUserEmail", users.addUserEmail, { userId, email: `${marker}-2@example.com` }),
    await written("CreateProfile", profiles.createProfile, { profile: { userId, accountId, description: marker } }),
    await written("BatchSetOptions", options.batchSetOptions, { entries: [{ userId, key: "b", value: value(marker) }] }),
  ];
  return { userId, accountId, about };
};

const answersWith = async (db: { readonly sql: Parameters<ReturnType<typeof sql>["execute"]>[0] }, marker: string) => {
  const { rows } = await sql`select from idempotency where position(convert_to(${marker}, 'UTF8') in response) > 0`.execute(db.sql);
  return rows.length;
};

test("U40 a purge erases the answers that are kept about the user: no write runs twice, and no other answer is lost", async ({
  clients,
  db,
}) => {
  const own = clients["grpc-js"];
  const marker = unique("marker");
  const { userId, about } = await writeAbout(own, marker);
  const other = await createUser(own);
  const [stays] = [await written("SetOption", own.options.setOption, { userId: other.id, key: "k", value: value(1) })];
  for (const { repeat } of about) await repeat();
  expect(await answersWith(db, marker)).toBeGreaterThanOrEqual(about.length);

  const purge = { id: userId, requestId: randomUUID() };
  await own.users.purgeUser({ ...purge, requestId: randomUUID(), validateOnly: true });
  await about[0]?.repeat();
  const first = await own.users.purgeUser(purge);
  expect(await answersWith(db, marker)).toBe(0);
  for (const { name, repeat } of about) {
    const { error } = await expectRefusal(repeat(), "FailedPrecondition", "ANSWER_ERASED");
    expect(error.message, name).not.toContain(marker);
  }
  // Nothing was written by them.
  const { results } = await own.users.lookupUsers({ keys: [{ key: { case: "username", value: `${marker}-name` } }] });
  expect(results.map(({ user }) => user)).toEqual([undefined]);
  expect(await own.users.purgeUser(purge)).toEqual(first);
  await stays?.repeat();
  // Past its time an erased answer is none, and the id is free again.
  await sql`update idempotency set create_time = now() - interval '25 hours' where is_erased`.execute(db.sql);
  const created = about.find(({ name }) => name === "CreateUser")?.repeat();
  expect(await created).toMatchObject({ user: { name: marker } });
});

test("U40 a purge of an account erases what is kept about it and its profiles", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const marker = unique("marker");
  const { accountId, about } = await writeAbout(own, marker);
  await own.profiles.purgeAccount({ id: accountId });
  const gone = new Set(["CreateProfile", "AddAccountContact"]);
  for (const { name, repeat } of about)
    if (gone.has(name)) await expectRefusal(repeat(), "FailedPrecondition", "ANSWER_ERASED");
    else await repeat();
  expect(await answersWith(db, marker)).toBeGreaterThan(0);
});
