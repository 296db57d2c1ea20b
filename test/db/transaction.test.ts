import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Call } from "../../src/call.ts";
import { changeEntity } from "../../src/db/entity.ts";
import { createIdempotency } from "../../src/db/idempotency.ts";
import { createWrite } from "../../src/db/transaction.ts";
import type { Tx } from "../../src/db/write.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { Account } from "../../src/schema/account.entity.ts";
import { type Aggregate, userAggregate } from "../../src/versions/aggregate.ts";
import { createConsistencyTokens } from "../../src/versions/token.ts";
import { createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, testCall } from "../support/service.ts";

const key = Buffer.alloc(32, 7);
const method = UserOptionService.method.setOption;
const request = { $typeName: "userd.v1.SetOptionRequest" } as never;

/** `run` runs a body as one write; `blocked` holds what a statement waits for, until it is left. */
const test = base
  .extend("run", { scope: "file" }, async ({ db }) => {
    const write = createWrite(db, {
      tokens: createConsistencyTokens(key),
      idempotency: createIdempotency(key),
      permit: () => undefined,
      committed: () => {},
    });
    return (body: (tx: Tx) => Promise<object>, call: Partial<Call> = {}, aggregates: readonly Aggregate[] = []) =>
      write(testCall(call), { method, request, aggregates }, async (tx) => {
        await body(tx);
        return {};
      });
  })
  .extend("blocked", { scope: "file" }, async ({ db }) => async (lock: string) => {
    const transaction = await db.sql.startTransaction().execute();
    await sql.raw(lock).execute(transaction);
    return { [Symbol.asyncDispose]: async () => void (await transaction.rollback().execute()) };
  })
  .extend("waiting", { scope: "file" }, async ({ db }) => async (): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db.sql);
    return rows[0]?.count ?? 0;
  });

type Row = { readonly id: bigint; readonly name: string; readonly description: string; readonly version: number };

const raise = (tx: Tx, code: string) => sql.raw(`do $$ begin raise exception 'lost' using errcode = '${code}'; end $$`).execute(tx.sql);

describe("a write that loses", () => {
  test.for(["40001", "40P01", "55P03"])("with %s runs again", async (code, { run }) => {
    let attempts = 0;
    await run(async (tx) => {
      attempts += 1;
      return attempts < 3 ? raise(tx, code) : {};
    });
    expect(attempts).toBe(3);
  });

  test("runs three times at most, and is ABORTED then", async ({ run }) => {
    let attempts = 0;
    const lost = run(async (tx) => {
      attempts += 1;
      return raise(tx, "40001");
    });
    await expect(lost).rejects.toMatchObject({ code: "40001" });
    expect(attempts).toBe(3);
  });

  test("in a real deadlock runs again, and both writes are done", async ({ run, db }) => {
    await sql`create table slot (id int primary key, hits int not null default 0)`.execute(db.sql);
    await sql`insert into slot values (1), (2)`.execute(db.sql);
    const hit = (first: number, second: number) =>
      run(async (tx) => {
        await sql`update slot set hits = hits + 1 where id = ${first}`.execute(tx.sql);
        await sql`select pg_sleep(0.1)`.execute(tx.sql);
        return sql`update slot set hits = hits + 1 where id = ${second}`.execute(tx.sql);
      });
    await Promise.all([hit(1, 2), hit(2, 1)]);
    expect((await sql`select hits from slot`.execute(db.sql)).rows).toEqual([{ hits: 2 }, { hits: 2 }]);
  });

  test("runs again when somebody without its locks has changed the row of an entity, as an import may", async ({ run, db }) => {
    const stored = async () => (await sql<Row>`select * from account where number = '0000-0000-0042'`.execute(db.sql)).rows[0] as Row;
    await sql`insert into account (number) values ('0000-0000-0042')`.execute(db.sql);
    let attempts = 0;
    await run(async (tx) => {
      attempts += 1;
      const row = await stored();
      if (attempts === 1) await sql`update account set description = 'theirs', version = version + 1 where id = ${row.id}`.execute(db.sql);
      return changeEntity(tx, Account, row, { name: "ours" });
    });
    expect(attempts).toBe(2);
    expect(await stored()).toMatchObject({ name: "ours", description: "theirs", version: 3 });
  });

  test("has the error of its lock, though statements were sent behind it, and nothing is stored", async ({ run, blocked, waiting, db }) => {
    await sql`create table behind (id int)`.execute(db.sql);
    const user = userAggregate(4_711_000_001n);
    await run(async () => ({}), {}, [user]);
    await using _ = await blocked(`select from aggregate_version where id = ${user.id} for update`);
    const failed = expect(run((tx) => tx.rows(sql`insert into behind values (1)`), {}, [user])).rejects.toMatchObject({ code: "57014" });
    await expect.poll(waiting).toBe(1);
    await sql`select pg_cancel_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db.sql);
    await failed;
    expect((await sql`select from behind`.execute(db.sql)).rows).toEqual([]);
  });

  test("does not run again for an error that is not of that kind", async ({ run }) => {
    let attempts = 0;
    const failed = run(async (tx) => {
      attempts += 1;
      return raise(tx, "23514");
    });
    await expect(failed).rejects.toMatchObject({ code: "23514" });
    expect(attempts).toBe(1);
  });
});

// Again if need be: a busy machine may take longer to look than the database to end.
describe("a call that ends frees its SQL within 200 ms:", { retry: 3 }, () => {
  const freed = async (waiting: () => Promise<number>, ended: number, within = 200) => {
    while ((await waiting()) > 0) if (Date.now() - ended > 2_000) break;
    expect(Date.now() - ended).toBeLessThan(within);
  };

  test("a write, at its deadline", async ({ clients, blocked, waiting }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await using _ = await blocked(`select from aggregate_version where id = ${userId} for update`);
    const set = options.setOption({ userId, key: "k", value: value(1) }, { timeoutMs: 400 });
    await expect.poll(waiting).toBe(1);
    await expectRefusal(set, "DeadlineExceeded");
    await freed(waiting, Date.now());
  });

  test.for(["grpc-js", "Connect JSON"] as const)(
    "a read, when its client cancels it through %s",
    async (kind, { clients, blocked, waiting }) => {
      const { options } = clients[kind];
      const { id: userId } = await createUser(clients[kind]);
      await using _ = await blocked("lock table user_option in access exclusive mode");
      const client = new AbortController();
      const read = expectRefusal(options.getOption({ userId, key: "k" }, { signal: client.signal }), "Canceled");
      await expect.poll(waiting).toBe(1);
      client.abort();
      await freed(waiting, Date.now());
      await read;
    },
  );

  test("more of them than the pool has connections, and the next call is answered", async ({ clients, blocked, waiting }) => {
    const { options, users } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    {
      await using _ = await blocked("lock table user_option in access exclusive mode");
      const reads = Array.from({ length: 30 }, () => options.getOption({ userId, key: "k" }, { timeoutMs: 700 }));
      const started = Date.now();
      await Promise.all(reads.map((read) => expectRefusal(read, "DeadlineExceeded")));
      expect(Date.now() - started).toBeLessThan(1_500);
      // Ten are cancelled at once, each through a connection of its own.
      await freed(waiting, Date.now(), 1_000);
      expect((await users.getUser({ id: userId })).user?.id).toBe(userId);
    }
    expect(await options.getOption({ userId, key: "k" })).toMatchObject({ found: false });
  });
});
