import { randomUUID } from "node:crypto";
import { describe, expect } from "vitest";
import { createAccount, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN = 9_000_000_000_000n;
const NUMBER = /^[0-9]{4}-[0-9]{4}-[0-9]{4}$/;

const digits = () => String(Math.floor(Math.random() * 10_000)).padStart(4, "0");
const randomNumber = () => `${digits()}-${digits()}-${digits()}`;

describe.for(clientKinds)("accounts, through %s", { concurrent: true }, (kind) => {
  test("P1 a number is made, or taken as it is given; it is unique and never changes", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { number: made } = await createAccount(clients[kind]);
    expect(made).toMatch(NUMBER);
    const number = randomNumber();
    const account = await createAccount(clients[kind], { number });
    expect(account).toMatchObject({ number, isDefault: false, isPlatform: false, version: "1.0.0", name: "" });
    expect((await profiles.getAccount({ key: { case: "number", value: number } })).account).toEqual(account);
    await expectRefusal(profiles.createAccount({ account: { number } }), "AlreadyExists", "ACCOUNT_NUMBER_TAKEN");
    const other = { account: { id: account.id, number: randomNumber() } };
    await expectRefusal(profiles.updateAccount(other), "FailedPrecondition", "IMMUTABLE_FIELD");
    expect((await profiles.updateAccount({ account: { id: account.id, number } })).account).toEqual(account);
    for (const bad of ["1234-1234-1234\n", "1234-1234-123٣", "12345-1234-123", "1234-1234-1234 ", "x1234-1234-1234", "1234 1234 1234"]) {
      const { fields } = await expectRefusal(profiles.createAccount({ account: { number: bad } }), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual(["account.number"]);
      const asked = profiles.getAccount({ key: { case: "number", value: bad } });
      await expectRefusal(asked, "InvalidArgument", "FIELD_INVALID");
    }
    await expectRefusal(profiles.getAccount({ key: { case: "id", value: UNKNOWN } }), "NotFound", "ACCOUNT_NOT_FOUND");
    await expectRefusal(profiles.getAccount({}), "InvalidArgument", "FIELD_INVALID");
  });

  test("an update writes what its mask names, if it differs, and holds the etag", async ({ clients }) => {
    const { profiles } = clients[kind];
    const account = await createAccount(clients[kind], { name: "Acme", description: "d", tags: ["a"], annotations: [{ k: 1 }] });
    const { account: same } = await profiles.updateAccount({
      account: { id: account.id, name: "Acme", annotations: [{ k: 1 }], tags: ["a"] },
    });
    expect(same).toEqual(account);
    const { account: renamed } = await profiles.updateAccount({ account: { id: account.id, name: "Ace", etag: account.etag } });
    expect(renamed).toMatchObject({ name: "Ace", description: "d", tags: ["a"] });
    expect(renamed?.etag).not.toBe(account.etag);
    const stale = profiles.updateAccount({ account: { id: account.id, name: "x", etag: account.etag } });
    expect((await expectRefusal(stale, "Aborted", "ETAG_MISMATCH")).info?.metadata).toEqual({ etag: renamed?.etag });
    const cleared = await profiles.updateAccount({ account: { id: account.id }, updateMask: { paths: ["*"] } });
    expect(cleared.account).toMatchObject({
      number: account.number,
      name: "",
      description: "",
      tags: [],
      annotations: [],
      version: "1.0.0",
    });
    const unknown = { account: { id: account.id }, updateMask: { paths: ["nick"] } };
    await expectRefusal(profiles.updateAccount(unknown), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(profiles.updateAccount({ account: { id: UNKNOWN, name: "x" } }), "NotFound", "ACCOUNT_NOT_FOUND");
    await expectRefusal(profiles.updateAccount({}), "InvalidArgument", "FIELD_INVALID");
  });

  test("P2 contacts: an address is one contact, and one of them is the primary one", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const add = (email: string, isPrimary?: boolean) =>
      profiles.addAccountContact({ accountId, contact: { email, name: "N", ...(isPrimary !== undefined && { isPrimary }) } });
    const first = await add("first@example.com");
    expect(first.contact).toMatchObject({ email: "first@example.com", name: "N", isPrimary: true, userId: 0n });
    expect((await add("second@example.com")).contact?.isPrimary).toBe(false);
    await expectRefusal(add("FIRST@example.com"), "AlreadyExists", "CONTACT_TAKEN");
    await expectRefusal(add("third@example.com", true), "AlreadyExists", "PRIMARY_CONTACT_TAKEN");
    await profiles.removeAccountContact({ accountId, email: "First@example.com" });
    await expectRefusal(profiles.removeAccountContact({ accountId, email: "first@example.com" }), "NotFound", "CONTACT_NOT_FOUND");
    expect((await add("third@example.com", true)).contact?.isPrimary).toBe(true);
    const page = await profiles.listAccountContacts({ accountId, pageSize: 1 });
    const rest = await profiles.listAccountContacts({ accountId, pageToken: page.nextPageToken });
    expect([...page.contacts, ...rest.contacts].map(({ email }) => email)).toEqual(["second@example.com", "third@example.com"]);
    expect(rest.nextPageToken).toBe("");
    expect(Buffer.from(page.nextPageToken, "base64url").toString()).not.toContain("example.com");
    await expectRefusal(add("no address"), "InvalidArgument", "FIELD_INVALID");
    await Promise.all(
      [
        profiles.listAccountContacts({ accountId: UNKNOWN }),
        profiles.addAccountContact({ accountId: UNKNOWN, contact: { email: "a@example.com" } }),
        profiles.removeAccountContact({ accountId: UNKNOWN, email: "a@example.com" }),
      ].map((call) => expectRefusal(call, "NotFound", "ACCOUNT_NOT_FOUND")),
    );
  });

  test("a replay of a request_id returns the first answer", async ({ clients }) => {
    const { profiles } = clients[kind];
    const requestId = randomUUID();
    const first = await profiles.createAccount({ account: { name: "Once" }, requestId });
    expect(await profiles.createAccount({ account: { name: "Once" }, requestId })).toEqual(first);
    await expectRefusal(profiles.createAccount({ account: { name: "Twice" }, requestId }), "InvalidArgument", "REQUEST_ID_REUSED");
  });
});

test("P2 of 100 accounts that become the default at once, one does; the others learn it", { timeout: 60_000 }, async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => profiles.createAccount({ account: { isDefault: true } })));
  const created = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.account] : []));
  expect(created).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") await expectRefusal(Promise.reject(outcome.reason), "AlreadyExists", "DEFAULT_ACCOUNT_TAKEN");
  }
  const [winner] = created;
  const heirs = await Promise.all(Array.from({ length: 10 }, () => createAccount(clients["grpc-js"])));
  await profiles.updateAccount({ account: { id: winner?.id ?? 0n, isDefault: false } });
  const updates = await Promise.allSettled(heirs.map(({ id }) => profiles.updateAccount({ account: { id, isDefault: true } })));
  expect(updates.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("P2 one platform account at most", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const [first, second] = [await createAccount(clients["grpc-js"], { isPlatform: true }), await createAccount(clients["grpc-js"])];
  const update = (id: bigint, isPlatform: boolean) => profiles.updateAccount({ account: { id, isPlatform } });
  await expectRefusal(update(second.id, true), "AlreadyExists", "PLATFORM_ACCOUNT_TAKEN");
  await update(first.id, false);
  expect((await update(second.id, true)).account?.isPlatform).toBe(true);
});

test("ListAccounts pages through all accounts by id, each once", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const made = await Promise.all(Array.from({ length: 7 }, () => createAccount(clients["grpc-js"], { name: unique() })));
  const ids: bigint[] = [];
  let pageToken = "";
  do {
    const page = await profiles.listAccounts({ pageSize: 3, pageToken });
    ids.push(...page.accounts.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => (a < b ? -1 : 1)));
  expect(ids).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
});

test("P7 the admin is the first staff user by id, else the first user; reading it creates nobody", async ({ clients, db }) => {
  const { users, profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const count = async () => (await db.sql.selectFrom("users").select("id").execute()).length;
  const before = await count();
  await expectRefusal(profiles.getAccountAdmin({ accountId }), "NotFound", "PROFILE_NOT_FOUND");
  await expectRefusal(profiles.getAccountAdmin({ accountId: UNKNOWN }), "NotFound", "ACCOUNT_NOT_FOUND");
  expect(await count()).toBe(before);
  const made = [];
  for (let index = 0; index < 4; index += 1) made.push(await createUser(clients["grpc-js"]));
  const [first, second, third, fourth] = made.map(({ id }) => id) as [bigint, bigint, bigint, bigint];
  // Profiles in another order than users: it is the user's id that counts.
  for (const userId of [fourth, third, second, first]) await profiles.createProfile({ profile: { userId, accountId } });
  const admin = async () => (await profiles.getAccountAdmin({ accountId, withUser: true, withAccount: true })).profile;
  expect(await admin()).toMatchObject({ userId: first, user: { id: first }, account: { id: accountId } });
  for (const id of [third, second]) await users.updateUser({ user: { id, isStaff: true } });
  expect((await admin())?.userId).toBe(second);
  await users.deleteUser({ id: second });
  expect((await admin())?.userId).toBe(third);
  await users.updateUser({ user: { id: third, isStaff: false } });
  expect((await admin())?.userId).toBe(first);
  expect(await profiles.ensureAccountAdmin({ accountId })).toMatchObject({ created: false, profile: { userId: first } });
});

test("P7 EnsureAccountAdmin creates one staff user without a password, however many ask at once", async ({ clients }) => {
  const { users, profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const answers = await Promise.all(Array.from({ length: 10 }, () => profiles.ensureAccountAdmin({ accountId })));
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  const ids = new Set(answers.map(({ profile }) => profile?.userId));
  expect(ids.size).toBe(1);
  const { user } = await users.getUser({ id: [...ids][0] ?? 0n });
  expect(user).toMatchObject({ isStaff: true, isSuperuser: false, isActive: true, hasUsablePassword: false });
  expect(await profiles.getAccountAdmin({ accountId })).toMatchObject({ profile: { userId: user?.id } });
  await expectRefusal(profiles.ensureAccountAdmin({ accountId: UNKNOWN }), "NotFound", "ACCOUNT_NOT_FOUND");
});
