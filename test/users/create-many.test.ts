import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import { AvatarType, UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { actingAs, buildUser, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const stream = async function* <T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
};

describe.for(clientKinds)("many users at once, through %s", { concurrent: true }, (kind) => {
  test("BatchCreateUsers answers in order, and each user stands for itself", async ({ clients }) => {
    const { users } = clients[kind];
    const taken = await createUser(clients[kind], { username: unique("n") });
    const [first, last] = [buildUser({ name: "First" }), buildUser({ username: unique("n") })];
    const { results } = await users.batchCreateUsers({
      users: [first, { username: taken.username?.toUpperCase() ?? "" }, { name: "Nobody" }, buildUser({ email: taken.email ?? "" }), last],
    });
    const reasons = results.map(({ result }) =>
      result.case === "error" ? [result.value.code, result.value.message] : result.value?.username,
    );
    expect(reasons).toEqual([
      first.email,
      [6, "The username is taken."],
      [3, "user.username must not be blank when there is no email"],
      [6, "The username is another user's address."],
      last.username,
    ]);
    const [created] = results;
    expect(created?.result.value).toMatchObject({ name: "First", emails: [{ email: first.email, isPrimary: true }] });
  });

  test("BatchCreateUsers refuses a name that stands in two users, and more power than the caller may give", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("dup")}@example.com`;
    const batch = [buildUser({ email }), buildUser({ username: email.toUpperCase() })];
    const { fields } = await expectRefusal(users.batchCreateUsers({ users: batch }), "InvalidArgument", "DUPLICATE_ENTRY");
    expect(fields).toEqual(["users[1]"]);
    await expectRefusal(users.batchCreateUsers({ users: [] }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.batchCreateUsers({ users: [buildUser({ email: "nobody" })] }), "InvalidArgument", "FIELD_INVALID");
    const { id } = await createUser(clients[kind]);
    const superuser = { users: [buildUser({ isSuperuser: true })] };
    await expectRefusal(users.batchCreateUsers(superuser, actingAs(id)), "PermissionDenied", "PERMISSION_REQUIRED");
    expect((await users.batchCreateUsers(superuser)).results[0]?.result.value).toMatchObject({ isSuperuser: true });
  });

  test("1,000 users in one batch, once for one request_id, and readable by the token of the write", async ({ clients }) => {
    const { users } = clients[kind];
    const request = { users: Array.from({ length: 1_000 }, () => buildUser()), requestId: crypto.randomUUID() };
    const { results, consistencyToken } = await users.batchCreateUsers(request);
    const ids = results.map(({ result }) => (result.case === "user" ? result.value.id : 0n));
    expect(new Set(ids).size).toBe(1_000);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    const page = await users.listUsers({ filter: { userIds: ids }, pageSize: 1_000, view: UserView.FULL, consistency });
    expect(page.users).toHaveLength(1_000);
    expect(page.users.every(({ emails }) => emails.length === 1)).toBe(true);
    const again = await users.batchCreateUsers(request);
    expect(again.results).toEqual(results);
    expect(again.consistencyToken).not.toBe("");
  });

  test("U20 concurrent calls with one new address create one user", async ({ clients }) => {
    const { users } = clients[kind];
    const email = `${unique("new")}@example.com`;
    const calls = Array.from({ length: 8 }, (_, index) =>
      users.getOrCreateUserByEmail({ email: index % 2 ? email.toUpperCase() : email, name: "New" }),
    );
    const answers = await Promise.all(calls);
    expect(new Set(answers.map(({ user }) => user?.id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(answers[0]?.user).toMatchObject({ name: "New", emails: [{ isVerified: false, isPrimary: true }] });
    for (const wrong of ["", "nobody", `${"e".repeat(200)}@example.com`]) {
      await expectRefusal(users.getOrCreateUserByEmail({ email: wrong }), "InvalidArgument", "FIELD_INVALID");
    }
    const bearer = unique("name");
    await createUser(clients[kind], { username: `${bearer}@example.com`, email: "" });
    await expectRefusal(users.getOrCreateUserByEmail({ email: `${bearer}@example.com` }), "AlreadyExists", "EMAIL_TAKEN");
  });

  test("U20 of an active and an inactive user the active one, of two active ones the one with the identity", async ({ clients, db }) => {
    const { users } = clients[kind];
    const email = `${unique("two")}@example.com`;
    const inactive = await createUser(clients[kind], { username: unique("n"), email, isActive: false });
    const added = await users.getOrCreateUserByEmail({ email });
    expect(added.created).toBe(true);
    expect((await users.getOrCreateUserByEmail({ email })).user?.id).toBe(added.user?.id);
    await users.reactivateUser({ id: inactive.id });
    await expectRefusal(users.getOrCreateUserByEmail({ email }), "FailedPrecondition", "AMBIGUOUS_EMAIL");
    const { id: providerId } = await db.sql
      .insertInto("identity_provider")
      .values({ type: unique("idp") })
      .returning("id")
      .executeTakeFirstOrThrow();
    await db.sql.insertInto("identity").values({ provider_id: providerId, user_id: inactive.id, external_id: "me" }).execute();
    const found = await users.getOrCreateUserByEmail({ email, identity: { providerId, externalId: "me" } });
    expect(found).toMatchObject({ created: false, user: { id: inactive.id } });
    const stranger = users.getOrCreateUserByEmail({ email, identity: { providerId, externalId: "you" } });
    await expectRefusal(stranger, "FailedPrecondition", "AMBIGUOUS_EMAIL");
    await users.deleteUser({ id: inactive.id });
    await users.deleteUser({ id: added.user?.id ?? 0n });
    await expectRefusal(users.getOrCreateUserByEmail({ email }), "FailedPrecondition", "USER_DELETED");
  });

  test("ImportUsers keeps ids, dates, addresses and passwords, and the same import again changes nothing", async ({ clients, db }) => {
    const { users } = clients[kind];
    const word = unique("imp");
    const { id: last } = await createUser(clients[kind]);
    const id = last + 10_000n + BigInt(clientKinds.indexOf(kind)) * 1_000n;
    const joined = timestampFromDate(new Date("2011-02-03T04:05:06.789Z"));
    const emails = [
      { email: `${word}@example.com`, isVerified: true, isPrimary: true, dateAdded: joined },
      { email: `${word}@example.org`, isVerified: false },
    ];
    const lines = [
      {
        user: {
          id,
          username: word,
          email: `${word}@example.com`,
          emails,
          isSuspended: true,
          isStaff: true,
          dateJoined: joined,
          lastLogin: joined,
          avatar: { type: AvatarType.UPLOAD, url: "https://example.com/a.png" },
        },
        passwordHash: "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=",
      },
      { user: { username: `${word}-2` } },
      { user: { id, username: `${word}-3` } },
      { user: { username: `${word}-4`, emails: [{ email: "nobody" }] } },
      { user: { username: "sentry", isActive: false } },
      { user: { username: `${word}-5`, emails: [{ email: `${word}@example.com`, isVerified: true }] } },
    ];
    const first = await users.importUsers(stream(lines));
    expect(first).toMatchObject({
      created: 2n,
      unchanged: 0n,
      failed: 4n,
      failures: [{ line: 3n }, { line: 4n }, { line: 5n }, { line: 6n }],
    });
    const { user } = await users.getUser({ id, consistency: { mode: { case: "atLeastAsFresh", value: first.consistencyToken } } });
    expect(user).toMatchObject({
      id,
      username: word,
      isSuspended: true,
      isStaff: true,
      hasUsablePassword: true,
      dateJoined: joined,
      lastLogin: joined,
      avatar: { type: AvatarType.UPLOAD },
      emails: [{ email: emails[0]?.email, isVerified: true, dateAdded: joined }, { isVerified: false }],
    });
    const again = await users.importUsers(stream(lines));
    expect(again).toMatchObject({ created: 0n, unchanged: 1n, failed: 5n });
    const { id: next } = await createUser(clients[kind]);
    expect(next).toBeGreaterThan(id);
    await users.purgeUser({ id });
    const reused = await users.importUsers(stream([{ user: { id, username: unique("late") } }]));
    expect(reused.failures).toMatchObject([{ line: 1n, error: { code: 6 } }]);
    expect(await db.sql.selectFrom("users").select("id").where("id", "=", id).execute()).toEqual([]);
  });

  test("05 ImportUsers refuses hashes that nobody can verify, each with its kind, and takes all others", async ({ clients, db }) => {
    const { users } = clients[kind];
    const word = unique("hash");
    const hashes = [
      "md5$salt$0123456789abcdef0123456789abcdef",
      "0123456789abcdef0123456789abcdef",
      "pbkdf2_sha256$9999999$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=",
      "pbkdf2_sha1$1000$seasalt$ljleU4wBmTtz/MoG5YTwxpM0d7I=",
      "$2b$04$aJ.AlAoRB/1b6pcoxa6i0uC9esGBL7UCMfxFR/ZMcVEokGi4lEQD2",
      "!",
      "",
    ];
    const answer = await users.importUsers(
      stream(hashes.map((passwordHash, index) => ({ user: { username: `${word}-${index}` }, passwordHash }))),
    );
    expect(answer).toMatchObject({ created: 4n, failed: 3n, failures: [{ line: 1n }, { line: 2n }, { line: 3n }] });
    expect(answer.failures.map(({ error }) => error?.message)).toEqual([
      expect.stringContaining("password_hash can't be verified: it is of MD5"),
      expect.stringContaining("password_hash can't be verified: it is of unsalted MD5"),
      expect.stringContaining("password_hash can't be verified: it is damaged, or too costly to verify"),
    ]);
    for (const index of [3, 4]) {
      const verdict = await users.verifyPassword({ user: { case: "username", value: `${word}-${index}` }, password: "lètmein" });
      expect(verdict).toMatchObject({ valid: true, user: { hasUsablePassword: true } });
    }
    const stored = await db.sql
      .selectFrom("users")
      .select("password")
      .where("username", "in", [`${word}-5`, `${word}-6`])
      .orderBy("username")
      .execute();
    expect(stored).toEqual([{ password: "!" }, { password: "" }]);
  });

  test("ImportUsers takes more users than one batch, and a malformed line ends it", async ({ clients }) => {
    const { users } = clients[kind];
    const word = unique("many");
    const lines = Array.from({ length: 1_203 }, (_, index) => ({ user: { username: `${word}-${index}` } }));
    expect(await users.importUsers(stream(lines))).toMatchObject({ created: 1_203n, failed: 0n });
    expect(await users.importUsers(stream([]))).toMatchObject({ created: 0n });
    const broken = users.importUsers(stream([{ user: { username: "u".repeat(129) } }]));
    await expectRefusal(broken, "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(users.importUsers(stream([{}])), "InvalidArgument", "FIELD_INVALID");
  });
});
