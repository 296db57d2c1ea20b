import { CompiledQuery, sql } from "kysely";
import { expect } from "vitest";
import { createIdempotency } from "../../src/db/idempotency.ts";
import type { Together } from "../../src/db/joining.ts";
import { createWrite } from "../../src/db/transaction.ts";
import type { Write } from "../../src/db/write.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { userAggregate } from "../../src/versions/aggregate.ts";
import { createConsistencyTokens } from "../../src/versions/token.ts";
import { test as base, testCall } from "../support/service.ts";

const key = Buffer.alloc(32, 7);
const method = UserOptionService.method.setOption;
const request = { $typeName: "userd.v1.SetOptionRequest" } as never;
const NOTHING = (): void => {};

type One = {
  readonly id: number;
  /** What the write does after its statement has answered. */
  readonly after?: () => unknown;
  readonly signal?: AbortSignal;
  readonly caller?: string;
  /** What happens once the statement of several has answered. */
  readonly answered?: () => void;
};

/** `place` writes a row of a table that says how it was written: alone, or together with others. `world` has writes of its own. */
const test = base
  .extend("table", { scope: "file" }, async ({ db, service: _ }): Promise<string> => {
    await sql`create table placed (id text, how text, in_one xid8 default pg_current_xact_id())`.execute(db.sql);
    await sql`create function place_one(id text) returns text language plpgsql as $$
      begin insert into placed values (id, 'alone'); return 'e 1'; end $$`.execute(db.sql);
    // Odd hundreds are left out.
    await sql`create function place_many(ids text) returns text language plpgsql as $$
      declare one text; answer text := '';
      begin
        foreach one in array string_to_array(ids, ',') loop
          if one::int / 100 % 2 = 1 then answer := answer || ','; continue; end if;
          insert into placed values (one, 'together');
          answer := answer || 'e 1,';
        end loop;
        return answer;
      end $$`.execute(db.sql);
    return "placed";
  })
  .extend("world", async ({ db, table: _ }) => {
    const write: Write = createWrite(db, {
      tokens: createConsistencyTokens(key),
      idempotency: createIdempotency(key),
      permit: () => undefined,
      committed: NOTHING,
    });
    const place = ({ id, after = NOTHING, signal, caller = "c", answered = NOTHING }: One): Promise<object> => {
      const together: Together = {
        statement: (values) => CompiledQuery.raw("select place_many($1) as answer", [values.map(({ id: one }) => one).join(",")]) as never,
        answers: (answer) => {
          answered();
          return answer.split(",").map((one) => (one === "" ? undefined : one));
        },
      };
      const call = testCall({ caller: { name: caller, permissions: new Set() }, ...(signal && { signal }) });
      const aggregate = userAggregate(BigInt(id));
      return write(call, { method, request, aggregates: [aggregate], mayJoin: true }, async (tx) => {
        await tx.whole({
          aggregate,
          values: () => ({ id: String(id) }),
          statement: (values) => CompiledQuery.raw("select place_one($1) as answer", [values["id"]]) as never,
          read: () => ({ epoch: "e", version: "1" }),
          together,
        });
        await after();
        return {};
      });
    };
    const placed = async (from: number) =>
      (
        await sql<{
          id: string;
          how: string;
          in_one: string;
        }>`select id, how, in_one::text from placed where id::int between ${from} and ${from + 99}
          order by id::int`.execute(db.sql)
      ).rows;
    return { place, placed };
  });

const idsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);

test("writes of a turn are one statement and one commit, at most sixteen of them; one alone is a statement of its own", async ({
  world,
}) => {
  const { place, placed } = world;
  await place({ id: 0 });
  await Promise.all(idsFrom(1, 18).map((id) => place({ id })));
  const rows = await placed(0);
  expect(rows.map(({ how }) => how)).toEqual(["alone", ...Array.from({ length: 18 }, () => "together")]);
  expect(new Set(rows.slice(1, 17).map(({ in_one }) => in_one)).size).toBe(1);
  expect(new Set(rows.map(({ in_one }) => in_one)).size).toBe(3);
});

test("writes of several callers, and two of one aggregate, don't go together", async ({ world }) => {
  const { place, placed } = world;
  await Promise.all([place({ id: 200, caller: "a" }), place({ id: 201, caller: "b" })]);
  await Promise.all([place({ id: 202 }), place({ id: 203 }), place({ id: 202 })]);
  expect((await placed(200)).map(({ id, how }) => `${id} ${how}`).sort()).toEqual([
    "200 alone",
    "201 alone",
    "202 alone",
    "202 together",
    "203 together",
  ]);
});

test("one that is left out runs by itself; after a statement that has left most out, the next do too", async ({ world }) => {
  const { place, placed } = world;
  await Promise.all([place({ id: 400 }), place({ id: 401 }), place({ id: 500 })]);
  expect((await placed(400)).map(({ how }) => how)).toEqual(["together", "together"]);
  expect((await placed(500)).map(({ how }) => how)).toEqual(["alone"]);
  await Promise.all([place({ id: 402 }), place({ id: 501 }), place({ id: 502 })]);
  await Promise.all([place({ id: 403 }), place({ id: 404 })]);
  expect((await placed(400)).slice(2).map(({ how }) => how)).toEqual(["together", "alone", "alone"]);
});

test("one that fails after the statement stores nothing, and the others run by themselves", async ({ world }) => {
  const { place, placed } = world;
  const failing = new Error("refused");
  const fails = () => {
    throw failing;
  };
  const [first, second, third] = await Promise.allSettled([place({ id: 600 }), place({ id: 601, after: fails }), place({ id: 602 })]);
  expect([first?.status, third?.status]).toEqual(["fulfilled", "fulfilled"]);
  expect(second).toMatchObject({ status: "rejected", reason: failing });
  expect((await placed(600)).map(({ id, how }) => `${id} ${how}`)).toEqual(["600 alone", "602 alone"]);
});

test("one whose call ends before the commit stores nothing, and the others run by themselves", async ({ world }) => {
  const { place, placed } = world;
  const ending = new AbortController();
  const ended = new Error("ended");
  const outcomes = await Promise.allSettled([
    place({ id: 800, answered: () => ending.abort(ended) }),
    place({ id: 801, signal: ending.signal }),
    place({ id: 802 }),
  ]);
  expect(outcomes).toMatchObject([{ status: "fulfilled" }, { status: "rejected", reason: ended }, { status: "fulfilled" }]);
  expect((await placed(800)).map(({ id, how }) => `${id} ${how}`)).toEqual(["800 alone", "802 alone"]);
});

test("a statement of several that fails has each run by itself", async ({ world, db }) => {
  const { place, placed } = world;
  await sql`create function refuse_together() returns trigger language plpgsql as $$
    begin
      if new.how = 'together' and new.id = '1001' then raise exception 'no' using errcode = '55P03'; end if;
      return new;
    end $$`.execute(db.sql);
  await sql`create trigger refuses before insert on placed for each row execute function refuse_together()`.execute(db.sql);
  await Promise.all([place({ id: 1000 }), place({ id: 1001 })]);
  expect((await placed(1000)).map(({ how }) => how)).toEqual(["alone", "alone"]);
});

test("a connection that is lost at the commit leaves the outcome of all unknown", async ({ world, db }) => {
  const { place, placed } = world;
  const lose = async () => {
    await sql`select pg_terminate_backend(pid, 10000) from pg_stat_activity
      where datname = current_database() and query like 'select place_many%' and state <> 'idle' and pid <> pg_backend_pid()`.execute(
      db.sql,
    );
  };
  const outcomes = await Promise.allSettled([place({ id: 1400 }), place({ id: 1401, after: lose })]);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: { reason: "COMMIT_UNKNOWN" } });
  expect(await placed(1400)).toEqual([]);
});
