import { sql } from "kysely";
import { describe, expect } from "vitest";
import { UserSchema } from "../../../src/gen/userd/v1/user_pb.ts";
import { OWN_MODEL } from "../../../src/import/formats/own-line.ts";
import { readers } from "../../../src/import/readers/index.ts";
import { serviceWith } from "../../options/service-with.ts";
import { test } from "../fixture.ts";
import type { Loss } from "./account.ts";
import { accountFor, changedBeside, fileText, type Imported, importFile, own, stored } from "./fixture.ts";
import { readFile } from "./records.ts";
import { rules } from "./rules/index.ts";

// All other files, alone and on top of each other, are in files.test.ts and pairs.test.ts of test:tools.
describe("import accounting", () => {
  test.for(["samples/fresh-install", "samples/user-with-maximum-privileges"])("%s: nothing is lost", async (name, { own: db, ownUrl }) => {
    const imported = await importFile(db, fileText(name));
    await using service = await serviceWith(ownUrl, {});
    expect((await accountFor(imported, service, db)).losses, stored).toEqual([]);
  });

  test("has a rule for each field that a reader reads or leaves, and ignores what is documented", () => {
    for (const { model, fields, notHeld } of readers) {
      const rule = rules.get(model)?.fields ?? {};
      // A line is a message, whose fields are those of a user.
      if (model === OWN_MODEL) {
        expect(Object.keys(rule).toSorted()).toEqual([...UserSchema.fields.map(({ localName }) => localName), "passwordHash"].toSorted());
        continue;
      }
      const ignored = Object.keys(rule).filter((field) => [rule[field] ?? []].flat().some(({ how }) => how === "ignored"));
      const without = [...fields, ...Object.keys(notHeld)].filter((field) => rule[field] === undefined);
      expect({ model, without, ignored }, "give each field of the model a rule in test/import/accounting/rules/").toEqual({
        model,
        without: [],
        ignored: expect.toSatisfy((names: string[]) => names.toSorted().join() === Object.keys(notHeld).toSorted().join()),
      });
    }
  });
});

test("a file of accounting/files has a record of each model", () => {
  const models = new Set(own.flatMap((name) => readFile(fileText(name)).map(({ model }) => model)));
  expect(
    readers.map(({ model }) => model).filter((model) => !models.has(model)),
    "add a record to a file of test/import/accounting/files/",
  ).toEqual([]);
});

/** What is tampered with → where the accounting sees it. */
const tampers = [
  ["update users set name = 'x' where id = 101", ["sentry.user 1 name"]],
  ["update users set session_nonce = 'x' where id = 101", ["sentry.user 1 session_nonce"]],
  ["update users set password = '!x' where id = 101", ["sentry.user 1 password", "sentry.user 1 password"]],
  ["update users set flags = 1 where id = 101", ["sentry.user 1 flags"]],
  ["update user_activity set last_login = null where user_id = 101", ["sentry.user 1 last_login"]],
  ["update user_email set date_added = now() where email = 'Ann@Work.Example'", ["sentry.useremail 8 date_hash_added"]],
  ["update user_email set verification_hash = sha256('x') where email = 'carol@all.example'", ["sentry.useremail 11 validation_hash"]],
  ["delete from user_ip", ["sentry.userip 14 "]],
  ["delete from user_permission", ["sentry.userpermission 16 "]],
  ["delete from role_permission where permission = 'b.x'", ["sentry.userrole 18 permissions"]],
  ["update role_member set create_time = now()", ["sentry.userroleuser 20 date_added"]],
  ["delete from authenticator where type = 0", ["sentry.authenticator 23 "]],
  ["update organization set slug = 'tampered' where id = 302", ["sentry.organization 26 slug"]],
  ["update organization_member set role = 1 where user_id = 102", ["sentry.organizationmember 38 role"]],
  ["update organization_member set role = 1 where user_id = 101 and organization_id = 301", ["sentry.organizationmember 37 role"]],
  ["delete from team_member where member_id = 601", ["sentry.organizationmemberteam 45 "]],
  ["delete from project_team", ["sentry.projectteam 48 "]],
  [`update user_option set value = '"x"' where key = 'theme' and scope_kind = 2`, ["sentry.useroption 51 value"]],
  ["delete from scope_option where key = 'all:control'", ["sentry.controloption 58 "]],
  [`update identity set data = '{"b": 3}' where external_id = 'U1'`, ["sentry.identity 67 data"]],
  ["update auth_provider set flags = 2 where organization_id = 301", ["sentry.authprovider 68 flags"]],
  ["update user_profile set is_test = false", ["account.userprofile 75 is_test"]],
  ["update release set ref = 'x'", ["sentry.release 80 ref"]],
  ["delete from release_project where project_id = 402", ["sentry.releaseproject 83 "]],
  ["delete from release_file where id = 1301", ["sentry.file 86 ", "sentry.distribution 88 ", "sentry.releasefile 89 "]],
] as const;

const places = (losses: readonly Loss[]): string[] => losses.map(({ model, record, field }) => `${model} ${record} ${field}`);

describe("the accounting can fail", () => {
  test("at the row and the field that somebody tampered with", async ({ own: db, ownUrl }) => {
    const imported = await importFile(db, fileText("accounting/files/all-of-sentry"));
    await using service = await serviceWith(ownUrl, {});
    const expected: string[] = [];
    for (const [statement, seen] of tampers) {
      await sql.raw(statement).execute(db.sql);
      expected.push(...seen);
      expect(places((await accountFor(imported, service, db)).losses).toSorted(), statement).toEqual(expected.toSorted());
    }
  });

  test("without a line of the report, with a field that is in no category, with a wrong count", async ({ own: db, ownUrl }) => {
    const imported = await importFile(db, fileText("accounting/files/all-of-sentry"));
    await using service = await serviceWith(ownUrl, {});
    const lossesOf = async (changed: Partial<Imported>) => places((await accountFor({ ...imported, ...changed }, service, db)).losses);
    expect(await lossesOf({})).toEqual([]);
    const without = (record: number, reason: RegExp) => ({
      lines: imported.lines.filter((line) => !(line.record === record && reason.test(line.reason))),
    });
    expect(await lossesOf(without(5, /^renamed/))).toEqual(["sentry.user 5 username"]);
    expect(await lossesOf(without(38, /^role is billing/))).toEqual(["sentry.organizationmember 38 role"]);
    expect(await lossesOf(without(13, /./))).toEqual(["sentry.useremail 13 "]);
    const [first, ...others] = imported.file;
    const isNew = first === undefined ? [] : [{ ...first, fields: { ...first.fields, brand_new: 1 } }, ...others];
    expect(await lossesOf({ file: isNew })).toEqual(["sentry.user 1 brand_new"]);
    expect(await lossesOf({ file: [...imported.file, { record: 99, model: "sentry.ruleactivity", pk: "1", fields: {} }] })).toEqual([
      "sentry.ruleactivity 0 notHeld",
    ]);
    expect(await lossesOf({ report: { ...imported.report, unknownFields: [] } })).toContain("sentry.userroleuser.date_updated 0 ignored");
  });

  test("when another file changed a row that it does not hold", async ({ own: db, ownUrl }) => {
    const first = await importFile(db, fileText("samples/user-with-maximum-privileges"));
    await using service = await serviceWith(ownUrl, {});
    const before = await accountFor(first, service, db);
    const second = await importFile(db, JSON.stringify([{ model: "sentry.user", pk: 7, fields: { username: "other" } }]));
    const account = await accountFor(second, service, db);
    expect(changedBeside(before, await accountFor(first, service, db), account, second.lines)).toEqual([]);
    await sql`update users set name = 'x' where id = 1`.execute(db.sql);
    await sql`delete from user_ip`.execute(db.sql);
    expect(changedBeside(before, await accountFor(first, service, db), account, second.lines)).toEqual(["user 1", "ip 1 127.0.0.2"]);
  });

  test("when an invitation here did not become the membership that the report tells of, or did so untold", async ({ own: db, ownUrl }) => {
    const first = await importFile(db, fileText("accounting/invitations/here"));
    await using service = await serviceWith(ownUrl, {});
    const before = await accountFor(first, service, db);
    const second = await importFile(db, fileText("accounting/invitations/file"));
    const account = await accountFor(second, service, db);
    expect(account.losses).toEqual([]);
    const changed = async (lines: Imported["lines"]) => changedBeside(before, await accountFor(first, service, db), account, lines);
    expect(await changed(second.lines)).toEqual([]);
    expect(await changed([])).toEqual(["member 1 40", "member 2 41"]);
    await sql`update organization_member set role = 0 where id = 40`.execute(db.sql);
    expect(await changed(second.lines)).toEqual(["member 1 40"]);
    await sql`insert into organization_member (organization_id, email, email_canonical, role) values (2, 'ann@example.com', 'ann@example.com', 0)`.execute(
      db.sql,
    );
    expect(places((await accountFor(second, service, db)).losses)).toEqual(["sentry.useremail 2 is_verified"]);
  });

  test("at a field of userd's own lines, and at a key that became no external id", async ({ own: db, ownUrl }) => {
    const imported = await importFile(db, fileText("accounting/files/own-lines"), { ids: "new" });
    await using service = await serviceWith(ownUrl, {});
    const lossesOf = async () => places((await accountFor(imported, service, db)).losses);
    expect(await lossesOf()).toEqual([]);
    await sql`update users set external_id = null`.execute(db.sql);
    await sql`update user_activity set last_active = null`.execute(db.sql);
    await sql`update user_email set is_verified = false`.execute(db.sql);
    expect(await lossesOf()).toEqual([
      "userd.user 1 lastActive",
      "userd.user 1 externalId",
      "userd.user.emails 1 isVerified",
      "userd.user.emails 1 isVerified",
      "userd.user 2 pk",
      "userd.user 3 pk",
      "userd.user 4 externalId",
    ]);
  });
});
