import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../../src/db/orm.ts";
import { continueMerges } from "../../../src/lifecycle/merge/continue-merges.ts";
import { createAccount, createProfile, createUser, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { expectRefusal } from "../../support/errors.ts";
import { test } from "../../support/service.ts";

const OPTIONS = 10_300;
const RESOURCES = 200;

/** A user with more rows than one transaction moves, and one to merge it into, who share an account. */
const createLarge = async (own: Clients, db: Database) => {
  const [from, to] = [await createUser(own), await createUser(own)];
  const account = await createAccount(own);
  const profiles = [await createProfile(own, from.id, account.id), await createProfile(own, to.id, account.id)];
  const alone = await createProfile(own, from.id, (await createAccount(own)).id);
  await sql`
    insert into user_option (user_id, scope_kind, scope_id, key, value)
    select ${from.id}, 0, 0, 'k' || n, to_jsonb(n) from generate_series(1, ${OPTIONS}::int) n`.execute(db.sql);
  for (const profile of [profiles[0], alone])
    await sql`
      insert into resource (kind, account_id, owner_profile_id, name)
      select 'page', p.account_id, p.id, p.id || '-' || n from user_profile p cross join generate_series(1, ${RESOURCES}::int) n
      where p.id = ${profile?.id ?? 0n}`.execute(db.sql);
  await own.options.setOption({ userId: to.id, key: "k7", value: value("the target's") });
  return { from: from.id, to: to.id, pair: { fromUserId: from.id, toUserId: to.id } };
};

const countsOf = async (db: Database, userId: bigint) => {
  const { rows } = await sql`
    select (select count(*)::int from user_option where user_id = ${userId}) as options,
      (select count(*)::int from resource r join user_profile p on p.id = r.owner_profile_id where p.user_id = ${userId}) as resources,
      (select count(*)::int from user_profile where user_id = ${userId}) as profiles`.execute(db.sql);
  return rows[0];
};

const begun = { options: OPTIONS, resources: 2 * RESOURCES };

test("U42 a source of more than 10,000 rows is merged in batches, and can be undone", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const { from, to, pair } = await createLarge(own, db);
  const { plan } = await own.users.planUserMerge(pair);
  for (const { table, before, moved, kept, discarded } of plan?.counts ?? []) expect(before, table).toBe(moved + kept + discarded);
  const merged = await own.users.mergeUsers({ ...pair, planEtag: plan?.etag ?? "" });
  expect(merged).toMatchObject({ unfinished: false, plan });
  expect(await countsOf(db, from)).toEqual({ options: 0, resources: 0, profiles: 0 });
  expect(await countsOf(db, to)).toEqual({ ...begun, profiles: 2 });
  expect((await own.users.listMergeDiscards({ fromUserId: from })).discards.map(({ table }) => table)).toEqual(
    expect.arrayContaining(["user_option", "user_profile"]),
  );
  expect((await own.users.undoUserMerge({ fromUserId: from })).notUndone).toEqual([]);
  expect(await countsOf(db, from)).toEqual({ ...begun, profiles: 2 });
  expect(await countsOf(db, to)).toEqual({ options: 1, resources: 0, profiles: 1 });
});

/** Has the last batch of options fail, as a crash would have it. */
const refuseLastBatches = async (db: Database): Promise<AsyncDisposable> => {
  await sql`create function refuse_last_batch() returns trigger language plpgsql as $$ begin raise exception 'stopped'; end $$`.execute(
    db.sql,
  );
  await sql`create trigger refuse_last_batch before delete on merge_part for each row
    when (old.table_name = 'user_option') execute function refuse_last_batch()`.execute(db.sql);
  return { [Symbol.asyncDispose]: async () => void (await sql`drop function refuse_last_batch() cascade`.execute(db.sql)) };
};

test("U42 a large merge that was cut off is undone, or gone on with from where it was, and what its target got meanwhile stands", async ({
  clients,
  db,
}) => {
  const own = clients["grpc-js"];
  const { from, to, pair } = await createLarge(own, db);
  const third = await createUser(own);
  const begin = async () => own.users.mergeUsers({ ...pair, planEtag: (await own.users.planUserMerge(pair)).plan?.etag ?? "" });
  {
    await using _ = await refuseLastBatches(db);
    expect((await begin()).unfinished).toBe(true);
  }
  // Two batches of 5,000, and the target's own.
  expect(await countsOf(db, to)).toMatchObject({ options: 10_001 });
  await own.users.undoUserMerge({ fromUserId: from });
  expect(await countsOf(db, from)).toEqual({ ...begun, profiles: 2 });
  expect(await countsOf(db, to)).toEqual({ options: 1, resources: 0, profiles: 1 });

  {
    await using _ = await refuseLastBatches(db);
    await begin();
  }
  expect((await own.users.getUser({ id: from })).user?.mergedIntoUserId).toBe(to);
  await expectRefusal(own.users.planUserMerge({ fromUserId: to, toUserId: third.id }), "FailedPrecondition", "MERGE_UNFINISHED");
  await expectRefusal(own.options.setOption({ userId: from, key: "k", value: value(1) }), "FailedPrecondition", "USER_DELETED");
  const { rows } = await sql<{ key: string }>`select key from user_option where user_id = ${from} order by id desc limit 1`.execute(db.sql);
  const key = rows[0]?.key ?? "k1";
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value) values (${to}, 0, 0, ${key}, '"newer"')`.execute(db.sql);
  await continueMerges(db, new AbortController().signal);
  expect(await countsOf(db, from)).toEqual({ options: 0, resources: 0, profiles: 0 });
  expect(await countsOf(db, to)).toEqual({ ...begun, profiles: 2 });
  expect((await own.options.getOption({ userId: to, key })).value).toEqual(value("newer"));
  await own.users.planUserMerge({ fromUserId: to, toUserId: third.id });
});
