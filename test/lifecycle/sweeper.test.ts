import { sql } from "kysely";
import { expect } from "vitest";
import { startSweeper } from "../../src/lifecycle/sweeper.ts";
import { createUser, value } from "../support/build.ts";
import { silent } from "../support/database.ts";
import { test } from "../support/service.ts";

test("two sweepers at once remove what has expired, share the work, and leave the rest", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const { id: otherId } = await createUser(clients["grpc-js"]);
  await options.setOption({ userId, key: "kept", value: value(1), requestId: crypto.randomUUID() });
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value, expire_time)
    select id, 0, 0, 'gone' || n, '1', now() - interval '1 second'
    from generate_series(1, 1500) n, unnest(array[${userId}, ${otherId}]::bigint[]) id`.execute(db.sql);
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value, expire_time)
    values (${userId}, 0, 0, 'later', '1', now() + interval '1 hour')`.execute(db.sql);
  await sql`insert into idempotency (caller, method, request_id, request_hash, create_time)
    select 'x', 'y', gen_random_uuid(), '', now() - interval '25 hours' from generate_series(1, 1200)`.execute(db.sql);

  await using first = startSweeper(db, silent);
  await using second = startSweeper(db, silent);
  const removed = await Promise.all([first.sweep(), second.sweep()]);
  // A user that one of them had locked is left to the next round of the other.
  removed.push(await first.sweep());
  expect(removed.reduce((a, b) => a + b)).toBe(2 * 1_500 + 1_200);
  const { rows: left } = await sql<{
    key: string;
  }>`select key from user_option where user_id in (${userId}, ${otherId}) order by key`.execute(db.sql);
  expect(left).toEqual([{ key: "kept" }, { key: "later" }]);
  const { rows: answers } = await sql<{ count: number }>`select count(*)::int as count from idempotency`.execute(db.sql);
  expect(answers).toEqual([{ count: 1 }]);
  expect(await first.sweep()).toBe(0);

  const { rows: callers } = await sql`select distinct caller from changes where operation = 'delete'`.execute(db.sql);
  expect(callers).toEqual([{ caller: "userd sweeper" }]);
});
