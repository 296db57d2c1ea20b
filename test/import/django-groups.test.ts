import { sql } from "kysely";
import { describe, expect } from "vitest";
import { selectUsers } from "../../src/users/user.select.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const record = (model: string, pk: number, fields: object) => ({ model, pk, fields });
const user = (pk: number, fields: object = {}) => record("auth.user", pk, { username: `u${pk}`, email: "", ...fields });

const contentType = record("contenttypes.contenttype", 7, { app_label: "blog", model: "post" });
const byPk = [
  user(1, { groups: [3, 3], user_permissions: [21] }),
  user(2, { groups: [9], user_permissions: [20, 99] }),
  record("auth.permission", 20, { name: "Can add post", content_type: 7, codename: "add_post" }),
  record("auth.permission", 21, { name: "Can view post", content_type: 7, codename: "view_post" }),
  record("auth.permission", 22, { name: "Can delete post", content_type: 7, codename: "delete_post" }),
  record("auth.group", 3, { name: "Editors", permissions: [21, 20] }),
];
const byName = [
  record("auth.permission", 20, { name: "Can add post", content_type: ["blog", "post"], codename: "add_post" }),
  record("auth.permission", 21, { name: "Can view post", content_type: ["blog", "post"], codename: "view_post" }),
  record("auth.group", 3, {
    name: "Editors",
    permissions: [
      ["view_post", "blog", "post"],
      ["add_post", "blog", "post"],
    ],
  }),
  user(1, { groups: [["Editors"]], user_permissions: [["view_post", "blog", "post"]] }),
];

const rolesOf = sql`select r.id, r.name, array(select permission::text from role_permission p where p.role_id = r.id order by 1) as permissions
  from role r order by r.name`;
const reasonsOf = ({ skipped }: Awaited<ReturnType<typeof importRecords>>) => skipped.map(({ reason, examples }) => [reason, ...examples]);

describe("groups and permissions of a Django project", () => {
  test("groups are roles, and permissions are named after app and codename, wherever they stand in the file", async ({ own: db }) => {
    const report = await importRecords(db, [...byPk, contentType]);
    expect(await rowsOf(db, rolesOf)).toEqual([{ id: "3", name: "Editors", permissions: ["blog.add_post", "blog.view_post"] }]);
    const [first, second] = await selectUsers(db.sql, { full: true }).orderBy("users.id").execute();
    expect(first).toMatchObject({ role_names: ["Editors"], permissions: ["blog.add_post", "blog.view_post"] });
    expect(second).toMatchObject({ role_names: [], permissions: ["blog.add_post"] });
    expect(countsOf(report, "auth.group")).toEqual(all("created", 1));
    expect(countsOf(report, "auth.group.permissions")).toEqual(all("created", 2));
    expect(countsOf(report, "auth.user.groups")).toEqual({ ...all("created", 3), created: 1, skipped: 2 });
    expect(countsOf(report, "auth.user.user_permissions")).toEqual({ ...all("created", 3), created: 2, skipped: 1 });
    expect(countsOf(report, "auth.permission")).toEqual({ ...all("unchanged", 3), unchanged: 2, skipped: 1 });
    expect(countsOf(report, "contenttypes.contenttype")).toEqual(all("unchanged", 1));
    expect(report).toMatchObject({ records: 7, notHeld: [], notes: [] });
    expect(reasonsOf(report)).toEqual([
      ["the user has it twice: the highest pk stands", "auth.user.groups (record 1)"],
      ["the permission is not in the file", "auth.user.user_permissions (record 2)"],
      ["what it links the user to is not in the file", "auth.user.groups (record 2)"],
      ["no group and no user of the file has it", "auth.permission 22 (record 5)"],
    ]);
    expect(report.unknownFields).toEqual([
      { name: "auth.permission.name", count: 3, reason: "it is a description; userd knows permissions by app_label.codename" },
      { name: "contenttypes.contenttype.model", count: 1, reason: "userd takes from a content type the label of its app" },
    ]);
  });

  test("natural keys say the same as numbers, and the same file again changes nothing", async ({ own: db }) => {
    await importRecords(db, [...byPk, contentType]);
    const before = await stateOf(db);
    const report = await importRecords(db, byName);
    expect(report.models.map(({ read, unchanged }) => read - unchanged)).toEqual(report.models.map(() => 0));
    expect(await stateOf(db)).toEqual(before);
    const again = await importRecords(db, [...byPk, contentType]);
    expect(again.models.map(({ created, updated }) => created + updated)).toEqual(again.models.map(() => 0));
    expect(await stateOf(db)).toEqual(before);
  });

  test("without content types the number of the content type stands for the app, and the report says so", async ({ own: db }) => {
    const report = await importRecords(db, byPk);
    expect(await rowsOf(db, rolesOf)).toEqual([
      { id: "3", name: "Editors", permissions: ["contenttype_7.add_post", "contenttype_7.view_post"] },
    ]);
    expect(report.notes).toEqual([
      {
        reason: "its content type is not in the file: the number of that stands for the app",
        count: 2,
        examples: ["contenttype_7.add_post", "contenttype_7.view_post"],
      },
    ]);
  });

  test("a group takes the permissions of the file; without the field it keeps what it has", async ({ own: db }) => {
    await importRecords(db, byName);
    const group = (fields: object) => [record("auth.group", 50, { name: "Editors", ...fields })];
    expect(countsOf(await importRecords(db, group({})), "auth.group")).toEqual(all("unchanged", 1));
    const report = await importRecords(db, group({ permissions: [["view_post", "blog", "post"]] }));
    expect(countsOf(report, "auth.group")).toEqual(all("updated", 1));
    expect(countsOf(report, "auth.group.permissions")).toEqual(all("unchanged", 1));
    expect(await rowsOf(db, rolesOf)).toEqual([{ id: "3", name: "Editors", permissions: ["blog.view_post"] }]);
    // A natural key also names a role that is here and not in the file.
    expect(countsOf(await importRecords(db, [user(8, { groups: [["Editors"]] })]), "auth.user.groups")).toEqual(all("created", 1));
  });

  test("what can't be held is skipped by itself, and takes nobody with it", async ({ own: db }) => {
    const report = await importRecords(db, [
      record("auth.group", 1, { name: "x".repeat(151), permissions: [["a", "b", "c"]] }),
      record("auth.group", 2, {
        name: "Kept",
        permissions: [
          ["a".repeat(101), "b", "c"],
          ["a", "b", "c"],
        ],
      }),
      record("sentry.userrole", 2, { name: "Kept too", permissions: "[]" }),
      user(1, { groups: [1, 2, ["x".repeat(151)]], user_permissions: [["a".repeat(101), "b", "c"]] }),
    ]);
    expect(await rowsOf(db, sql`select name from role order by name`)).toEqual([{ name: "Kept" }, { name: "Kept too" }]);
    expect(await rowsOf(db, sql`select r.name from role_member m join role r on r.id = m.role_id`)).toEqual([{ name: "Kept" }]);
    expect(countsOf(report, "auth.user")).toEqual(all("created", 1));
    expect(countsOf(report, "auth.group.permissions")).toEqual({ ...all("created", 2), created: 1, skipped: 1 });
    expect(countsOf(report, "auth.user.groups")).toEqual({ ...all("created", 3), created: 1, skipped: 2 });
    expect(countsOf(report, "auth.user.user_permissions")).toEqual(all("skipped", 1));
  });

  test("the links of a record that another one replaces go with it", async ({ own: db }) => {
    const report = await importRecords(db, [
      ...byName,
      record("auth.group", 3, { name: "Editors", permissions: [] }),
      user(1, { groups: [] }),
    ]);
    expect(await rowsOf(db, rolesOf)).toEqual([{ id: "3", name: "Editors", permissions: [] }]);
    expect(await rowsOf(db, sql`select user_id from role_member union all select user_id from user_permission`)).toEqual([]);
    expect(countsOf(report, "auth.group.permissions")).toEqual(all("skipped", 2));
    expect(countsOf(report, "auth.user.groups")).toEqual(all("skipped", 1));
  });

  test.for([
    ["auth.user", { username: "u", groups: "Editors" }, "groups must be a list"],
    ["auth.user", { username: "u", groups: [["a", "b"]] }, "must be a group's id or natural key"],
    ["auth.user", { username: "u", user_permissions: [["add_post"]] }, "must be a permission's id or natural key"],
    ["auth.group", { name: "g", permissions: [null] }, "must be an integer"],
    ["auth.permission", { codename: "c", content_type: ["blog"] }, "must be a content type's id or natural key"],
  ] as const)("a broken %s says where", async ([model, fields, message], { own: db }) => {
    await expect(importRecords(db, [record(model, 1, fields)])).rejects.toThrow(message);
  });
});
