import { sql } from "kysely";
import { expect } from "vitest";
import { loadProfiles } from "../../bench/generator/profiles.ts";
import { unique } from "../support/build.ts";
import { plansOf } from "../support/plans.ts";
import { test as base } from "../support/service.ts";

const [few, many] = [unique("few"), unique("many")];

/** 20,000 users, so that reading all is never the cheapest: one of them has a rare role and each rare flag, all have another role. */
const test = base.extend("loaded", { scope: "file" }, async ({ databaseUrl, db, clients }): Promise<void> => {
  await loadProfiles(databaseUrl, 20_000);
  const { users } = clients["grpc-js"];
  for (const name of [few, many]) await users.createRole({ role: { name, permissions: [`app.${name}`] } });
  await sql`insert into role_member (user_id, role_id)
    select u.id, r.id from users u, role r where r.name = ${many} or u.id = 19000`.execute(db.sql);
  await sql`update users set is_superuser = true, is_app = true, is_suspended = true, is_unclaimed = true, is_active = false,
    external_id = 'ext' where id = 19000`.execute(db.sql);
  await sql`insert into user_permission (user_id, permission) select id, 'app.common' from users`.execute(db.sql);
  await sql`insert into user_activity (user_id, last_active) select id, now() from users`.execute(db.sql);
  await sql`analyze`.execute(db.sql);
});

test("expressions in filters of users are served by indexes", { timeout: 60_000 }, async ({ databaseUrl, clients, loaded: _ }) => {
  const indexes: Readonly<Record<string, string>> = {
    "id in [7, 8]": "users_pkey",
    'username == "nobody"': "users_username_key",
    'username.startsWith("no")': "users_username_key",
    'username.contains("nowhere")': "user_search_lines_index",
    'name == "nobody"': "user_search_lines_index",
    'name in ["nobody", "else"]': "user_search_lines_index",
    'name.startsWith("nobody")': "user_search_lines_index",
    'email == "nobody@example.com"': "user_email_address_index",
    'email.contains("nowhere")': "user_search_lines_index",
    '"nobody@example.com" in emails': "user_email_address_index",
    'external_id == "ext"': "users_external_id_key",
    'external_id in ["ext"]': "users_external_id_key",
    'external_id.startsWith("ext")': "users_external_id_key",
    is_superuser: "users_superuser_index",
    "is_superuser == true": "users_superuser_index",
    is_staff: "users_staff_index",
    is_app: "users_app_index",
    is_suspended: "users_suspended_index",
    is_unclaimed: "users_unclaimed_index",
    "!is_active": "users_inactive_index",
    "is_active != true": "users_inactive_index",
    'date_joined > timestamp("2100-01-01T00:00:00Z")': "users_date_joined_index",
    [`"${few}" in role_names`]: "role_member_role_index",
    [`"app.${few}" in permissions`]: "user_permission_permission_index",
    'is_superuser && last_active < timestamp("2020-01-01T00:00:00Z")': "users_superuser_index",
    'username == "nobody" || "nobody@example.com" in emails': "user_email_address_index",
    'name == "nobody" || email.startsWith("nobody") || is_app': "users_app_index",
    '!(!(username == "nobody") || !(name.contains("nowhere")))': "users_username_key",
    '!(!(username == "nobody") && !("nobody@example.com" in emails))': "user_email_address_index",
    "!(is_active || is_staff)": "users_inactive_index",
    "!(!is_superuser)": "users_superuser_index",
    is_active: "users_pkey",
    "!is_staff": "users_pkey",
  };
  for (const [expression, index] of Object.entries(indexes)) {
    const plans = await plansOf(databaseUrl, () => clients["grpc-js"].users.listUserIds({ filter: { expression } }));
    expect(plans, expression).toHaveLength(1);
    expect(plans[0], expression).toContain(` ${index}`);
    expect(plans[0], expression).not.toMatch(/Seq Scan on (users|user_\w+|role_member)/);
  }
});

test("one user is found by a rare role, and many by another, without reading all", { timeout: 60_000 }, async ({ clients, loaded: _ }) => {
  const { users } = clients["grpc-js"];
  for (const expression of [`"${few}" in role_names`, `"app.${few}" in permissions`]) {
    expect((await users.listUserIds({ filter: { expression } })).ids).toEqual([19_000n]);
  }
  const first = await users.listUserIds({ filter: { expression: `"${many}" in role_names` } });
  expect(first.ids).toHaveLength(50);
  const next = await users.listUserIds({ filter: { expression: `"${many}" in role_names` }, pageToken: first.nextPageToken });
  expect(next.ids[0]).toBe((first.ids.at(-1) ?? 0n) + 1n);
});
