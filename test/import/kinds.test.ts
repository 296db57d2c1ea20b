import { createReadStream } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { AvatarType } from "../../src/gen/userd/v1/user_pb.ts";
import { runImport } from "../../src/import/import.ts";
import type { ImportReport } from "../../src/import/report.ts";
import { serviceWith } from "../options/service-with.ts";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const caseFile = (name: string) => createReadStream(new URL(`./cases/${name}.json`, import.meta.url));
const record = (model: string, pk: number | undefined, fields: object) => ({ model, ...(pk !== undefined && { pk }), fields });
/** The notes, but for the one that most files have. */
const notesOf = ({ notes }: ImportReport) =>
  notes.filter(({ reason }) => !reason.startsWith("the primary address was added")).map(({ reason, count }) => [reason, count]);

describe("kinds of values that real files hold", { timeout: 60_000 }, () => {
  test("05 a hash that nobody can verify is no usable password, and is counted by kind", async ({ own: db, ownUrl }) => {
    const report = await runImport(db, caseFile("05-hash-that-nobody-can-verify"));
    expect(notesOf(report)).toEqual([
      ["password can't be verified, being of MD5: the user has none that is usable", 1],
      ["password can't be verified, being of SHA-1: the user has none that is usable", 1],
    ]);
    // Siblings: unusable on purpose, absurd parameters, and a hash without a salt.
    const more = await importRecords(db, [
      exportUser(4, { password: "!unusable" }),
      exportUser(5, { password: "pbkdf2_sha256$9999999$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=" }),
      exportUser(6, { password: "0123456789abcdef0123456789abcdef" }),
      exportUser(7, { password: "$2b$04$aJ.AlAoRB/1b6pcoxa6i0uC9esGBL7UCMfxFR/ZMcVEokGi4lEQD2" }),
      exportUser(8, { password: "" }),
    ]);
    expect(notesOf(more).map(([reason]) => reason)).toEqual([
      "password says that there is no usable one",
      "password can't be verified, being damaged, or too costly to verify: the user has none that is usable",
      "password can't be verified, being of unsalted MD5: the user has none that is usable",
    ]);
    const before = await stateOf(db);
    await runImport(db, caseFile("05-hash-that-nobody-can-verify"));
    expect(await stateOf(db)).toEqual(before);

    await using service = await serviceWith(ownUrl, {});
    const usable = async (id: bigint) => (await service.users.getUser({ id })).user?.hasUsablePassword;
    expect([await usable(1n), await usable(2n), await usable(3n), await usable(4n), await usable(7n), await usable(8n)]).toEqual([
      true,
      false,
      false,
      false,
      true,
      false,
    ]);
    const verify = (userId: bigint, password: string) =>
      service.users.verifyPassword({ user: { case: "userId", value: userId }, password });
    expect(await verify(7n, "lètmein")).toMatchObject({ valid: true });
    expect(await verify(2n, "letmein")).toMatchObject({ valid: false });
  });

  test("08 the year 1 stays the year 1, in every read", async ({ own: db, ownUrl }) => {
    await runImport(db, caseFile("08-year-one"));
    await importRecords(db, [
      exportEmail(1, { email: "ann@example.com", date_hash_added: "0099-12-31T23:59:59.999Z" }),
      record("sentry.userip", 1, { user: 1, ip_address: "10.0.0.1", first_seen: "0049-06-01T10:00:00Z", last_seen: "0070-01-01" }),
    ]);
    const [row] = await rowsOf(db, sql`select date_joined, first_seen, last_seen from users, user_ip`);
    expect(row).toEqual({
      date_joined: new Date("0001-01-01T00:00:00Z"),
      first_seen: new Date("0049-06-01T10:00:00Z"),
      last_seen: new Date("0070-01-01T00:00:00Z"),
    });
    await using service = await serviceWith(ownUrl, {});
    const { user } = await service.users.getUser({ id: 1n });
    expect(user?.dateJoined).toMatchObject({ seconds: -62_135_596_800n, nanos: 0 });
    expect(user?.emails[0]?.dateAdded).toMatchObject({ seconds: BigInt(Date.parse("0099-12-31T23:59:59Z") / 1_000) });
  });

  test("09 an integer above 2^53 is kept as text and noted, in every value; elsewhere it is exact", async ({ own: db }) => {
    const report = await runImport(db, caseFile("09-integer-above-2-53"));
    expect(report.notes).toContainEqual({
      reason: "value holds an integer beyond 2^53, which is kept as text",
      count: 1,
      examples: ["sentry.useroption 1 (record 2)"],
    });
    const large = "9007199254740993";
    const siblings = await importRecords(
      db,
      `[{"model": "sentry.user", "pk": 2, "fields": {"username": "bob", "flags": ${large}}},
        {"model": "sentry.option", "pk": 1, "fields": {"key": "k", "value": {"a": [${large}]}}},
        {"model": "sentry.identityprovider", "pk": 1, "fields": {"type": "x", "config": {"id": -${large}}}},
        {"model": "sentry.useroption", "pk": 7, "fields": {"user": 1, "key": "pickle", "value": "gAKKCQAAAAAAAACAAC4="}}]`,
    );
    expect(notesOf(siblings)).toEqual([
      ["value holds an integer beyond 2^53, which is kept as text", 2],
      ["config holds an integer beyond 2^53, which is kept as text", 1],
    ]);
    expect(await rowsOf(db, sql`select value from user_option order by key`)).toEqual([
      { value: "9223372036854775808" },
      { value: "12345678901234567890" },
    ]);
    expect(
      await rowsOf(
        db,
        sql`select flags, (select value from scope_option) as option, (select config from identity_provider) as config from users where id = 2`,
      ),
    ).toEqual([{ flags: large, option: { a: [large] }, config: { id: `-${large}` } }]);
  });

  test("10 a role and a permission that were imported can be written back, permission by permission", async ({ own: db, ownUrl }) => {
    await runImport(db, caseFile("10-long-permission"));
    const long = `${"s".repeat(100)}.${"p".repeat(100)}`;
    const report = await importRecords(db, [
      record("sentry.user", 1, { username: "ann" }),
      record("sentry.userrole", 2, { name: "Mixed", permissions: "['users.admin', 'no dot', 'also.wrong!']" }),
      record("sentry.userpermission", 1, { user: 1, permission: "superuser" }),
      record("sentry.userpermission", 2, { user: 1, permission: long }),
      record("auth.permission", 1, { codename: "can publish", content_type: ["blog", "post"] }),
      record("auth.group", 3, {
        name: "all",
        permissions: Array.from({ length: 1_200 }, (_, index) => [`${"p".repeat(90)}_${index}`, "a".repeat(100), "post"]),
      }),
    ]);
    expect(report.skipped.map(({ examples }) => examples[0])).toEqual([
      "sentry.userpermission 1 (record 3)",
      "auth.permission 1 (record 5)",
    ]);
    expect(notesOf(report)).toEqual([
      ['permissions hold one that is not 1 to 201 letters, digits, "_" and "-" with a dot between, which is left out', 1],
    ]);
    await using service = await serviceWith(ownUrl, {});
    const { roles } = await service.users.listRoles({});
    expect(roles.map(({ name, permissions }) => [name, permissions.length])).toEqual([
      ["Mixed", 1],
      ["all", 1_200],
      ["editors", 1],
    ]);
    for (const role of roles) {
      const { role: written } = await service.users.updateRole({ role: { ...role, etag: "" } });
      expect(written?.permissions).toEqual(role.permissions);
    }
    const userId = (await service.users.lookupUsers({ keys: [{ key: { case: "username", value: "ann" } }] })).results[0]?.user?.id ?? 0n;
    expect(await service.users.revokePermission({ userId, permission: long })).toMatchObject({ revoked: true });
    expect(await service.users.grantPermission({ userId, permission: long })).toMatchObject({ granted: true });
  });

  test("12 of two equal validation tokens one is lost with a note", async ({ own: db }) => {
    const report = await runImport(db, caseFile("12-same-validation-hash"));
    const reason = "its validation token is that of another address too, which keeps it: this one has none";
    expect(report.notes).toEqual([{ reason, count: 1, examples: ["sentry.useremail 2 (record 4)"] }]);
    // Siblings: of three, and of one that is here already.
    const more = await importRecords(db, [
      exportUser(3),
      exportEmail(3, { validation_hash: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }),
      exportUser(4),
      exportEmail(4, { validation_hash: "b" }),
      exportUser(5),
      exportEmail(5, { validation_hash: "b" }),
      exportUser(6),
      exportEmail(6, { validation_hash: "b" }),
    ]);
    expect(notesOf(more)).toEqual([[reason, 3]]);
  });

  test("16 white space around an address is left out, with a note", async ({ own: db, ownUrl }) => {
    const report = await runImport(db, caseFile("16-address-with-spaces"));
    expect(notesOf(report)).toContainEqual(["email has white space around it, which is left out", 1]);
    const siblings = await importRecords(db, [
      exportUser(2, { username: "\tbob@example.com\u00a0", email: "bob@example.com\r\n" }),
      exportEmail(2, { email: "\u3000bob@example.com" }),
      exportUser(3, { username: "mike ", email: "" }),
      record("account.emailaddress", 9, { user: 3, email: "  mike@example.com", verified: true, primary: true }),
      record("sentry.organization", 1, { name: "Acme", slug: "acme" }),
      record("sentry.organizationmember", 1, { organization: 1, email: " new@example.com ", role: "member" }),
    ]);
    expect(notesOf(siblings)).toEqual([
      ["email has white space around it, which is left out", 4],
      ["username is the address with white space around it, which is left out", 1],
      ["kept: CreateUser would refuse the username (docs/names.md)", 1],
      ["username has white space around it, and stays as it is", 1],
    ]);
    expect(await rowsOf(db, sql`select username, email from users order by id`)).toEqual([
      { username: "ann", email: "Ann@Example.COM" },
      { username: "bob@example.com", email: "bob@example.com" },
      { username: "mike ", email: "mike@example.com" },
    ]);
    expect(await rowsOf(db, sql`select email from organization_member`)).toEqual([{ email: "new@example.com" }]);
    await using service = await serviceWith(ownUrl, {});
    expect(await service.users.getOrCreateUserByEmail({ email: "mike@example.com" })).toMatchObject({ created: false, user: { id: 3n } });
  });

  test("17 invitations that have a model of their own are invitations, with their teams", async ({ own: db }) => {
    const read = () => caseFile("17-organization-member-invite");
    expect(countsOf(await runImport(db, read()), "sentry.organizationmemberinvite")).toEqual(all("created", 1));
    const before = await stateOf(db);
    expect(countsOf(await runImport(db, read()), "sentry.organizationmemberinvite")).toEqual(all("unchanged", 1));
    expect(await stateOf(db)).toEqual(before);
    const invite = (pk: number, fields: object) =>
      record("sentry.organizationmemberinvite", pk, { organization: 2, role: "admin", invite_status: 0, ...fields });
    const report = await importRecords(db, [
      record("sentry.organization", 2, { name: "Globex", slug: "globex" }),
      record("sentry.team", 5, { organization: 2, name: "T", slug: "t" }),
      exportUser(1),
      exportEmail(1, { is_verified: true }),
      // Keys of the two models are of different things.
      record("sentry.organizationmember", 1, { organization: 2, user_id: 1, role: "owner" }),
      record("sentry.organizationmemberteam", 1, { team: 5, organizationmember: 1 }),
      invite(1, { email: "a@example.com", sso_linked: true, idp_provisioned: true, organization_member_team_data: [{ id: 5, slug: "t" }] }),
      invite(2, { email: "b@example.com", invite_status: 1 }),
      invite(3, { email: "user-1@example.com" }),
      invite(4, { email: "" }),
    ]);
    expect(countsOf(report, "sentry.organizationmemberinvite")).toEqual({ ...all("created", 4), created: 1, skipped: 3 });
    expect(countsOf(report, "sentry.organizationmemberinvite.teams")).toEqual(all("created", 1));
    expect(
      await rowsOf(
        db,
        sql`select m.user_id, m.email, m.role, m.flags, (select count(*) from team_member t where t.member_id = m.id) as teams
          from organization_member m where organization_id = 2 order by m.id`,
      ),
    ).toEqual([
      { user_id: "1", email: null, role: 3, flags: "0", teams: "1" },
      { user_id: null, email: "a@example.com", role: 1, flags: "9", teams: "1" },
    ]);
  });

  test("groups are known by their name, with or without a key, and one that is only named is made", async ({ own: db }) => {
    const user = (pk: number, groups: unknown[]) => record("auth.user", pk, { username: `u${pk}`, groups });
    const file = [
      record("auth.group", undefined, { name: "Editors", permissions: [["add_post", "blog", "post"]] }),
      record("sentry.userrole", undefined, { name: "Role", permissions: "['users.admin']" }),
      record("contenttypes.contenttype", undefined, { app_label: "blog", model: "post" }),
      record("auth.permission", undefined, { name: "Can add", codename: "add_post", content_type: ["blog", "post"] }),
      user(1, [["Editors"], ["Only named"]]),
      user(2, [["Only named"], ["Role"]]),
    ];
    const report = await importRecords(db, file);
    expect(countsOf(report, "auth.group")).toEqual(all("created", 1));
    expect(countsOf(report, "auth.user.groups")).toEqual(all("created", 4));
    expect(report.notes).toEqual([
      { reason: "a group that is only named was made a role without permissions", count: 1, examples: ["Only named"] },
    ]);
    expect(
      await rowsOf(
        db,
        sql`select r.name, array(select permission::text from role_permission p where p.role_id = r.id) as permissions,
          array(select user_id::text from role_member m where m.role_id = r.id order by 1) as users from role r order by r.name`,
      ),
    ).toEqual([
      { name: "Editors", permissions: ["blog.add_post"], users: ["1"] },
      { name: "Only named", permissions: [], users: ["1", "2"] },
      { name: "Role", permissions: ["users.admin"], users: ["2"] },
    ]);
    const before = await stateOf(db);
    expect((await importRecords(db, file)).notes).toEqual([]);
    expect(await stateOf(db)).toEqual(before);
  });

  test("a picture that SetAvatar refuses becomes letters, with a note", async ({ own: db, ownUrl }) => {
    const url = "https://example.com/a.png";
    const report = await importRecords(db, [
      exportUser(1, { avatar_type: 1, avatar_url: url }),
      exportUser(2, { avatar_type: 1, avatar_url: "javascript:alert(1)" }),
      exportUser(3, { avatar_type: 1, avatar_url: "https://example.com/a b.png" }),
      exportUser(4, { avatar_type: 1, avatar_url: null }),
      exportUser(5, { avatar_type: 2, avatar_url: url }),
      exportUser(6, { avatar_type: 1, avatar_url: "/avatar/1.png" }),
    ]);
    expect(notesOf(report)).toEqual([
      ["avatar_url is no picture that SetAvatar takes: the avatar is letters", 4],
      ["avatar_url belongs to an avatar that is no upload, and is left out", 1],
    ]);
    expect(await rowsOf(db, sql`select avatar_type, avatar_url from users order by id`)).toEqual([
      { avatar_type: 1, avatar_url: url },
      ...[2, 3, 4].map(() => ({ avatar_type: 0, avatar_url: null })),
      { avatar_type: 2, avatar_url: null },
      { avatar_type: 0, avatar_url: null },
    ]);
    await using service = await serviceWith(ownUrl, {});
    const { user } = await service.users.getUser({ id: 1n });
    expect(await service.users.setAvatar({ userId: 1n, type: AvatarType.UPLOAD, url: user?.avatar?.url ?? "" })).toMatchObject({
      user: { avatar: { url } },
    });
  });

  test("a pickle is the data in it, and what is more is skipped with its reason", async ({ own: db }) => {
    const report = await importRecords(db, [
      exportUser(1),
      exportOption(1, { key: "a", value: "gAJYDQAAAEV1cm9wZS9WaWVubmFxAC4=" }),
      exportOption(2, { key: "b", value: "gAJjcG9zaXgKc3lzdGVtCnEAWAcAAABlY2hvIGhpcQGFcQJScQMu" }),
      record("sentry.option", 1, { key: "c", value: "gAKILg==" }),
    ]);
    expect(await rowsOf(db, sql`select value from user_option union all select value from scope_option`)).toEqual([
      { value: "Europe/Vienna" },
      { value: true },
    ]);
    expect(report.skipped).toEqual([
      { reason: "value is a pickle that is more than plain data", count: 1, examples: ["sentry.useroption 2 (record 3)"] },
    ]);
  });
});
