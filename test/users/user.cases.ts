import { expect } from "vitest";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { buildUser, createUser, unique } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;

/** The behaviours of users, through one kind of client, over whatever database `test` brings. */
export const userCases = (test: ServiceTest, kind: ClientKind): void => {
  test("U1 a blank username becomes the email, and usernames are unique without regard to case", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("Ann.")}@Example.com`;
    const { user } = await users.createUser({ user: { username: "  ", email } });
    expect(user).toMatchObject({ username: email, email });
    const username = unique("Ann");
    await users.createUser({ user: buildUser({ username }) });
    await expectRefusal(users.createUser({ user: buildUser({ username: username.toLowerCase() }) }), "AlreadyExists", "USERNAME_TAKEN");
    await expectRefusal(users.createUser({ user: {} }), "InvalidArgument", "FIELD_INVALID");
  });

  test("U1 case is that of every script: É is é, however it is encoded", async ({ clients }) => {
    const { users } = clients[kind];
    const name = unique("");
    await users.createUser({ user: { username: `É${name}` } });
    await expectRefusal(users.createUser({ user: { username: `é${name}` } }), "AlreadyExists", "USERNAME_TAKEN");
    await expectRefusal(users.createUser({ user: { username: `e\u0301${name}` } }), "AlreadyExists", "USERNAME_TAKEN");
  });

  test("U2 a username is never another user's address, nor an address another user's username", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("a")}@example.com`;
    await users.createUser({ user: { username: unique("n"), email } });
    await expectRefusal(users.createUser({ user: { username: email.toUpperCase() } }), "AlreadyExists", "USERNAME_TAKEN");
    const username = `${unique("b")}@example.com`;
    await users.createUser({ user: { username } });
    await expectRefusal(
      users.createUser({ user: { username: unique("n"), email: username.toUpperCase() } }),
      "AlreadyExists",
      "EMAIL_TAKEN",
    );
    const { id } = await createUser(clients[kind]);
    await expectRefusal(users.updateUser({ user: { id, username: email } }), "AlreadyExists", "USERNAME_TAKEN");
  });

  test("U3 two users may have one address while it is unverified, but not verified twice", async ({ clients, db }) => {
    const { users } = clients[kind];
    const email = `${unique("shared")}@example.com`;
    const first = await createUser(clients[kind], { username: unique("n"), email });
    const second = await createUser(clients[kind], { username: unique("n"), email: email.toUpperCase() });
    const verify = (userId: bigint) => db.sql.updateTable("user_email").set({ is_verified: true }).where("user_id", "=", userId).execute();
    await verify(first.id);
    await expect(verify(second.id)).rejects.toMatchObject({ constraint: "user_email_verified_key" });
    const { results } = await users.lookupUsers({ keys: [{ key: { case: "email", value: email } }], onlyVerifiedEmail: true });
    expect(results).toMatchObject([{ status: LookupStatus.FOUND, user: { id: first.id } }]);
  });

  test("U4 look-ups ignore case and return the stored spelling", async ({ clients }) => {
    const { users } = clients[kind];
    const username = unique("MiXed");
    const email = `${unique("MiXed")}@Example.com`;
    const { id } = await createUser(clients[kind], { username, email });
    const { results } = await users.lookupUsers({
      keys: [{ key: { case: "username", value: username.toUpperCase() } }, { key: { case: "email", value: email.toLowerCase() } }],
    });
    expect(results).toMatchObject([{ user: { id, username, email } }, { user: { id, username, email } }]);
  });

  test("U5 what a user is called: by its name, else its username; what identifies it: its email, else its username", async ({
    clients,
  }) => {
    const word = unique("a");
    const named = await createUser(clients[kind], { name: "hello world", username: word });
    expect(named).toMatchObject({ displayName: "hello world", label: named.email, salutation: "Hello" });
    const addressed = await createUser(clients[kind], { username: `${word}@example.com`, email: "" });
    const salutation = `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
    expect(addressed).toMatchObject({ displayName: `${word}@example.com`, label: `${word}@example.com`, salutation });
  });

  test("U6 a user with an email has it as an address, unverified and primary", async ({ clients }) => {
    const { users } = clients[kind];
    const { id, email } = await createUser(clients[kind]);
    const { user } = await users.getUser({ id });
    expect(user?.emails).toMatchObject([{ email, isVerified: false, isPrimary: true }]);
    expect((await users.getUser({ id, view: UserView.BASIC })).user?.emails).toEqual([]);
    const { user: none } = await users.createUser({ user: { username: unique("n") } });
    expect(none?.emails).toEqual([]);
  });

  test.for([
    ["user.name", { name: "n".repeat(201) }],
    ["user.username", { username: "u".repeat(129) }],
    ["user.username", { username: "a\0b" }],
    ["user.email", { email: `${"e".repeat(190)}@example.com` }],
    ["user.email", { email: "nobody" }],
    ["user.email", { email: "a@b\0c" }],
  ] as const)("U7 %s has its rule: %o", async ([field, fields], { clients }) => {
    const { users } = clients[kind];
    const refused = await expectRefusal(users.createUser({ user: buildUser(fields) }), "InvalidArgument", "FIELD_INVALID");
    expect(refused.fields).toEqual([field]);
    const { id } = await createUser(clients[kind]);
    await expectRefusal(users.updateUser({ user: { id, ...fields } }), "InvalidArgument", "FIELD_INVALID");
  });

  test("U7 what is as long as allowed is stored", async ({ clients }) => {
    const fields = { name: "ñ".repeat(200), username: unique("ü".repeat(100)), email: `${unique("e".repeat(40))}@${"d".repeat(60)}.com` };
    expect(await createUser(clients[kind], fields)).toMatchObject(fields);
  });

  test("U8 UpdateUser touches the fields of the mask only", async ({ clients }) => {
    const { users } = clients[kind];
    const before = await createUser(clients[kind], { name: "before", username: unique("n") });
    const to = { id: before.id, name: "after", isActive: false, dateJoined: { seconds: 0n, nanos: 0 }, etag: before.etag };
    const masked = await users.updateUser({ user: to, updateMask: { paths: ["name", "date_joined", "etag", "avatar.url"] } });
    expect(masked.user).toMatchObject({ name: "after", isActive: true, dateJoined: before.dateJoined, username: before.username });
    expect(masked.user?.etag).not.toBe(before.etag);
    const set = await users.updateUser({ user: { id: before.id, isActive: false } });
    expect(set.user).toMatchObject({ name: "after", isActive: false });
    const all = await users.updateUser({
      user: { id: before.id, username: before.username ?? "", email: before.email ?? "" },
      updateMask: { paths: ["*"] },
    });
    expect(all.user).toMatchObject({ name: "", isActive: true, username: before.username, email: before.email });
    for (const path of ["nick", "name.first", "avatar.nick"]) {
      const mask = { user: { id: before.id }, updateMask: { paths: [path] } };
      const { fields } = await expectRefusal(users.updateUser(mask), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual(["update_mask"]);
    }
  });

  test("U8 an equal value writes nothing; a stale etag is ABORTED; an unknown user is NOT_FOUND", async ({ clients }) => {
    const { users } = clients[kind];
    const { id, etag } = await createUser(clients[kind], { name: "same" });
    expect((await users.updateUser({ user: { id, name: "same" } })).user?.etag).toBe(etag);
    const changed = await users.updateUser({ user: { id, name: "other", etag } });
    const { info } = await expectRefusal(users.updateUser({ user: { id, name: "late", etag } }), "Aborted", "ETAG_MISMATCH");
    expect(info?.metadata).toEqual({ etag: changed.user?.etag });
    await expectRefusal(users.updateUser({ user: { id: UNKNOWN_USER, name: "x" } }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.updateUser({ user: { name: "x" } }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.getUser({ id: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.getUser({ id: 0n }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.getUser({ id: -1n }), "InvalidArgument", "FIELD_INVALID");
  });

  test("a username can be changed, back too, and is free for others afterwards", async ({ clients }) => {
    const { users } = clients[kind];
    const [first, second] = [unique("n"), unique("n")];
    const { id } = await createUser(clients[kind], { username: first });
    expect((await users.updateUser({ user: { id, username: second } })).user?.username).toBe(second);
    expect((await users.updateUser({ user: { id, username: second.toUpperCase() } })).user?.username).toBe(second.toUpperCase());
    expect(await createUser(clients[kind], { username: first })).toMatchObject({ username: first });
    await expectRefusal(users.updateUser({ user: { id, username: first } }), "AlreadyExists", "USERNAME_TAKEN");
  });

  test("the first address can be given later; another one needs more than UpdateUser", async ({ clients }) => {
    const { users } = clients[kind];
    const { user } = await users.createUser({ user: { username: unique("n") } });
    const id = user?.id ?? 0n;
    const email = `${unique("late")}@example.com`;
    const { user: addressed } = await users.updateUser({ user: { id, email } });
    expect(addressed?.emails).toMatchObject([{ email, isVerified: false, isPrimary: true }]);
    const other = `${unique("other")}@example.com`;
    await expectRefusal(users.updateUser({ user: { id, email: other } }), "FailedPrecondition", "IMMUTABLE_FIELD");
  });

  test("U10 the username of a managed user can't be changed", async ({ clients }) => {
    const { users } = clients[kind];
    const { id } = await createUser(clients[kind], { isManaged: true });
    await expectRefusal(users.updateUser({ user: { id, username: unique("n") } }), "FailedPrecondition", "USER_MANAGED");
    expect((await users.updateUser({ user: { id, name: "free" } })).user?.name).toBe("free");
  });

  test("U12 LookupUsers answers in request order: FOUND, NOT_FOUND, AMBIGUOUS, duplicates included", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("two")}@example.com`;
    const first = await createUser(clients[kind], { username: unique("n"), email });
    const second = await createUser(clients[kind], { username: unique("n"), email });
    const single = await createUser(clients[kind]);
    const byId = { key: { case: "id" as const, value: single.id } };
    const { results } = await users.lookupUsers({
      keys: [
        byId,
        { key: { case: "email", value: email } },
        { key: { case: "username", value: unique("nobody") } },
        { key: { case: "email", value: single.email ?? "" } },
        byId,
        { key: { case: "id", value: UNKNOWN_USER } },
      ],
    });
    const { FOUND, NOT_FOUND, AMBIGUOUS } = LookupStatus;
    expect(results.map(({ status }) => status)).toEqual([FOUND, AMBIGUOUS, NOT_FOUND, FOUND, FOUND, NOT_FOUND]);
    expect(results.map(({ user }) => user?.id)).toEqual([single.id, undefined, undefined, single.id, single.id, undefined]);
    expect(results[1]?.userIds).toEqual([first.id, second.id]);
    expect(results[0]?.user?.emails).toEqual([]);
    const full = await users.lookupUsers({ keys: [byId], view: UserView.FULL });
    expect(full.results[0]?.user?.emails).toHaveLength(1);
    await expectRefusal(users.lookupUsers({ keys: [] }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.lookupUsers({ keys: [{}] }), "InvalidArgument", "FIELD_INVALID");
  });

  test("a request_id makes one user of two calls", async ({ clients }) => {
    const { users } = clients[kind];
    const request = { user: buildUser(), requestId: crypto.randomUUID() };
    const [first, second] = await Promise.all([users.createUser(request), users.createUser(request)]);
    expect(second).toEqual(first);
    await expectRefusal(users.createUser({ user: buildUser(), requestId: request.requestId }), "InvalidArgument", "REQUEST_ID_REUSED");
  });
};
