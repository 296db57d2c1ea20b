import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/database.ts";

const versionOf = async (db: Database, id: bigint): Promise<bigint> =>
  (await db.sql.selectFrom("aggregate_version").select("version").where("kind", "=", "account").where("id", "=", id).executeTakeFirst())
    ?.version ?? 0n;

const addUser = async (db: Database): Promise<bigint> => {
  const { rows } = await sql<{ id: bigint }>`
    insert into users (username, username_canonical) values (${unique()}, ${unique()}) returning id`.execute(db.sql);
  return rows[0]?.id ?? 0n;
};

let accounts = 0;

const addAccount = async (db: Database, isPlatform: boolean): Promise<bigint> => {
  const number = `0000-0000-${String(accounts++).padStart(4, "0")}`;
  const { rows } = await sql<{ id: bigint }>`
    insert into account (number, is_platform) values (${number}, ${isPlatform}) returning id`.execute(db.sql);
  return rows[0]?.id ?? 0n;
};

test("I1 profiles, flags of users, contacts and resources move their account, and account 0 with the platform account", async ({ db }) => {
  for (const isPlatform of [false, true]) {
    const before = await versionOf(db, 0n);
    const account = await addAccount(db, isPlatform);
    expect(await versionOf(db, 0n)).toBe(before + (isPlatform ? 1n : 0n));
    const user = await addUser(db);
    // Each with whether it moves the account, and account 0 if it is the platform account.
    const changes = [
      [sql`insert into user_profile (user_id, account_id) values (${user}, ${account})`, true, true],
      [sql`update users set is_staff = true where id = ${user}`, true, true],
      [sql`update users set is_staff = true, name = 'x' where id = ${user}`, false, false],
      [sql`update users set is_active = false where id = ${user}`, true, true],
      [sql`update users set is_suspended = true where id = ${user}`, true, true],
      [sql`update users set is_superuser = true where id = ${user}`, true, true],
      [sql`update users set delete_time = now(), purge_time = now() where id = ${user}`, true, true],
      [sql`update users set delete_time = now() + interval '1 s' where id = ${user}`, false, false],
      [sql`update user_profile set name = 'x' where user_id = ${user}`, true, true],
      [sql`update user_profile set name = 'x' where user_id = ${user}`, false, false],
      [sql`insert into account_contact (account_id, email, email_canonical) values (${account}, 'a@b', 'a@b')`, true, false],
      [
        sql`insert into resource (kind, owner_profile_id, account_id, name) select 'k', id, account_id, 'n' from user_profile where user_id = ${user}`,
        true,
        false,
      ],
      [sql`delete from resource where account_id = ${account}`, true, false],
      [sql`delete from account_contact where account_id = ${account}`, true, false],
      [sql`delete from user_profile where user_id = ${user}`, true, true],
      [sql`update users set is_staff = false where id = ${user}`, false, false],
      [sql`delete from account where id = ${account}`, true, true],
    ] as const;
    for (const [change, movesAccount, movesPlatform] of changes) {
      const [own, platform] = [await versionOf(db, account), await versionOf(db, 0n)];
      await change.execute(db.sql);
      const { sql: text } = change.compile(db.sql);
      expect(await versionOf(db, account), text).toBe(own + (movesAccount ? 1n : 0n));
      expect(await versionOf(db, 0n), text).toBe(platform + (movesPlatform && isPlatform ? 1n : 0n));
    }
  }
});

test("I1 a profile that moves to another account and user moves both of each", async ({ db }) => {
  const [from, to] = [await addAccount(db, false), await addAccount(db, false)];
  const [before, after] = [await addUser(db), await addUser(db)];
  await sql`insert into user_profile (user_id, account_id) values (${before}, ${from})`.execute(db.sql);
  const own = [await versionOf(db, from), await versionOf(db, to)];
  await sql`update user_profile set user_id = ${after}, account_id = ${to} where user_id = ${before}`.execute(db.sql);
  expect([await versionOf(db, from), await versionOf(db, to)]).toEqual(own.map((version) => version + 1n));
  const { rows } = await sql<{ version: bigint }>`
    select version from aggregate_version where kind = 'user' and id = any(${[before, after].map(String)}::bigint[]) order by id`.execute(
    db.sql,
  );
  expect(rows.map(({ version }) => version)).toEqual([3n, 2n]);
});
