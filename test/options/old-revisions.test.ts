import { type RawBuilder, sql } from "kysely";
import { expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import { test } from "../support/service.ts";

const KEYS = Array.from({ length: 10 }, (_, index) => `kept_${index}`);
const column = (one: string) => KEYS.map(() => one);

/** The ways in which the database stores ten options of a user at once; each has eight more revisions of each than are kept. */
const ways: readonly (readonly [name: string, (userId: bigint) => RawBuilder<unknown>])[] = [
  [
    "a change set",
    (userId) => sql`select store_options('c', '', '', '', ${userId}::bigint, ${column("0")}::smallint[], ${column("0")}::bigint[],
      ${KEYS}::text[], ${column('"last"')}::text[], ${KEYS.map(() => null)}::timestamptz[])`,
  ],
  ["SQL by hand", (userId) => sql`update user_option set value = '"last"' where user_id = ${userId}::bigint`],
];

test.for(ways)("the old revisions of ten options are found once for each option: %s", async ([, store], { clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const change = (version: number) =>
    options.applyOptionChanges({
      userId,
      changes: KEYS.map((key) => ({ change: { case: "set" as const, value: { key, value: value(version) } } })),
    });
  for (let version = 1; version < 24; version += 1) await change(version);
  const before = await sql<{ count: string }>`select count(*) from option_revision where user_id = ${userId}::bigint`.execute(db.sql);
  const { read, left } = await db.sql.transaction().execute(async (tx) => {
    const entries = async () => {
      const { rows } = await sql<{
        read: string;
      }>`select pg_stat_get_xact_tuples_returned('option_revision_pkey'::regclass) as read`.execute(tx);
      return Number(rows[0]?.read);
    };
    const start = await entries();
    await store(userId).execute(tx);
    const end = await entries();
    const { rows } = await sql<{ count: string }>`select count(*) from option_revision where user_id = ${userId}::bigint`.execute(tx);
    return { read: end - start, left: Number(rows[0]?.count) };
  });
  expect(Number(before.rows[0]?.count)).toBeGreaterThan(20 * KEYS.length);
  expect(left).toBe(20 * KEYS.length);
  // All of an option to find those that go, and to remove them; again for each of them would be more than five hundred.
  expect(read).toBeLessThanOrEqual(100 * KEYS.length);
});
