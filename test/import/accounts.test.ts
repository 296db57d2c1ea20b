import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const accountRecord = (pk: number, fields: object = {}) => ({
  model: "account.account",
  pk,
  fields: { account_number: `1111-2222-000${pk}`, company_name: `Company ${pk}`, is_default_account: false, ...fields },
});
const profileRecord = (pk: number, user: unknown, account: number, fields: object = {}) => ({
  model: "account.userprofile",
  pk,
  fields: { user, account, is_test: false, ...fields },
});
const contactRecord = (pk: number, account: number, fields: object = {}) => ({
  model: "account.accountcontact",
  pk,
  fields: { account, first_name: "Ann", last_name: "Lee", email: `contact-${pk}@example.com`, phone: "1", is_primary: false, ...fields },
});

const metadata = { version: "1.2.0-rc.1", annotations: [{ "a/b": [1] }], tags: ["Blue", "BLUE"], created_at: "2020-01-02T03:04:05Z" };
const file = [
  profileRecord(50, 1, 4, { ...metadata, name: "ann", profile_image_url: "https://example.com/a.png" }),
  profileRecord(51, 2, 4),
  exportUser(1, { name: "Ann" }),
  exportUser(2),
  accountRecord(4, { is_default_account: true, name: "", ...metadata }),
  accountRecord(5),
  contactRecord(7, 4, { is_primary: true, email: " boss@example.com " }),
  contactRecord(8, 4, { email: "user-1@example.com" }),
];
const contacts = sql`select account_id, email, name, is_primary, user_id from account_contact order by account_id, id`;

describe("Smarter's accounts", () => {
  test("P1 P3 P4 P5 keep their numbers, profiles and contacts, and change nothing the second time", async ({ own }) => {
    const report = await importRecords(own, file);
    expect(report).toMatchObject({ stored: true, skipped: [] });
    for (const model of ["account.account", "account.userprofile", "account.accountcontact"])
      expect(countsOf(report, model)).toEqual(all("created", 2));
    expect(await rowsOf(own, sql`select id, number, name, semver, annotations, tags, is_default from account order by id`)).toEqual([
      {
        id: "4",
        number: "1111-2222-0004",
        name: "Company 4",
        semver: "1.2.0-rc.1",
        annotations: [{ "a/b": [1] }],
        tags: ["Blue"],
        is_default: true,
      },
      { id: "5", number: "1111-2222-0005", name: "Company 5", semver: "1.0.0", annotations: [], tags: [], is_default: false },
    ]);
    expect(
      await rowsOf(
        own,
        sql`select id, user_id, account_id, name, semver, profile_image_url, create_time::text as since from user_profile where id = 50`,
      ),
    ).toEqual([
      {
        id: "50",
        user_id: "1",
        account_id: "4",
        name: "ann",
        semver: "1.2.0-rc.1",
        profile_image_url: "https://example.com/a.png",
        since: "2020-01-02 03:04:05+00",
      },
    ]);
    const stored = await rowsOf(own, contacts);
    expect(stored).toEqual([
      { account_id: "4", email: "boss@example.com", name: "Ann Lee", is_primary: true, user_id: null },
      { account_id: "4", email: "user-1@example.com", name: "Ann Lee", is_primary: false, user_id: "1" },
      { account_id: "4", email: "user-2@example.com", name: "", is_primary: false, user_id: "2" },
    ]);
    const before = await stateOf(own);
    const again = await importRecords(own, file);
    expect(again.models.map(({ created, updated }) => created + updated)).toEqual(again.models.map(() => 0));
    expect([await stateOf(own), await rowsOf(own, contacts)]).toEqual([before, stored]);
  });

  test("P2 one account is the default one and one contact the primary one; the others are noted", async ({ own }) => {
    await importRecords(own, file);
    const report = await importRecords(own, [
      accountRecord(6, { is_default_account: true }),
      accountRecord(4, { is_default_account: true }),
      contactRecord(9, 4, { is_primary: true }),
      contactRecord(10, 6, { is_primary: true }),
      contactRecord(11, 6, { is_primary: true }),
    ]);
    expect(report.notes).toMatchObject([
      { reason: "not the default account: another one is", examples: ["account 6"] },
      { reason: "not the primary contact: another one is", count: 2 },
    ]);
    expect(await rowsOf(own, sql`select id from account where is_default`)).toEqual([{ id: "4" }]);
    expect(await rowsOf(own, sql`select email from account_contact where is_primary order by 1`)).toEqual([
      { email: "boss@example.com" },
      { email: "contact-10@example.com" },
    ]);
  });

  test("an account whose id or number is another one's here is a conflict; what refers to one that is skipped is skipped with it", async ({
    own,
  }) => {
    await importRecords(own, file);
    const other = [
      exportUser(3),
      accountRecord(4, { account_number: "9999-0000-0001" }),
      accountRecord(9, { account_number: "1111-2222-0005" }),
      profileRecord(60, 3, 4),
      profileRecord(61, 3, 9),
      contactRecord(62, 9),
    ];
    const stopped = await importRecords(own, other);
    expect(stopped).toMatchObject({
      stored: false,
      conflicts: [
        { model: "account.account", pk: "4" },
        { model: "account.account", pk: "9", idHere: "5" },
      ],
    });
    const skipped = await importRecords(own, other, { onConflict: "skip" });
    expect(skipped.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["a conflict: its id or number is another account's here", 2],
      ["its account is not in the file, or was skipped", 3],
    ]);
    const remapped = await importRecords(own, other, { onConflict: "remap" });
    expect(countsOf(remapped, "account.account")).toMatchObject({ created: 1, skipped: 1 });
    expect(
      await rowsOf(own, sql`select a.number, p.user_id from user_profile p join account a on a.id = p.account_id where p.user_id = 3`),
    ).toEqual([{ number: "9999-0000-0001", user_id: "3" }]);
    expect(await rowsOf(own, sql`select user_id from user_profile where account_id in (4, 5) order by 1`)).toEqual([
      { user_id: "1" },
      { user_id: "2" },
    ]);
  });

  test("what can't be held is skipped and listed with its reason", async ({ own }) => {
    const report = await importRecords(own, [
      exportUser(1),
      accountRecord(4),
      accountRecord(5, { account_number: "1111-2222-0005\n" }),
      accountRecord(6, { version: "1.0" }),
      accountRecord(7, { annotations: [{ "a b": 1 }] }),
      accountRecord(8, { account_number: "1111-2222-0004" }),
      profileRecord(1, 99, 4),
      contactRecord(1, 4, { email: "none" }),
    ]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["account_number is not of the form 1234-5678-9012", 1],
      ["version is no semantic version (SemVer 2)", 1],
      ['annotations have keys that are not of letters, digits, ".", "_", "/" and "-" only', 1],
      ["its number comes again: the lowest pk stands", 1],
      ["its user is neither in the file nor here", 1],
      ["email is no address", 1],
    ]);
  });
});
