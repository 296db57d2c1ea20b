import { setImmediate as turn } from "node:timers/promises";
import { sql } from "kysely";
import { expect } from "vitest";
import { createDigest } from "../../src/lifecycle/export/format.ts";
import { createLineWriter } from "../../src/lifecycle/export/line-writer.ts";
import { readColumns, readPart } from "../../src/lifecycle/export/read-part.ts";
import { test } from "../support/database.ts";
import { expectJsonOf, odd, PREFIX, readOdd, withOdd } from "./odd-rows.ts";

test("U44 the rows of an export are what row_to_json makes of them, whatever they hold", ({ db }) => expectJsonOf(db));

const many = [
  "create temp table odd (id bigint primary key, name text, secret text) on commit drop",
  "insert into odd select n, repeat(md5(n::text), 20) from generate_series(1, 12000) n",
];

test("U44 an export waits for who takes it, and leaves them their bytes until they have taken them", ({ db }) =>
  withOdd(db, many, async (session) => {
    let [text, writing, most] = ["", 0, 0];
    const lines = createLineWriter(
      async (bytes) => {
        writing += 1;
        expect(writing).toBe(1);
        const begin = bytes.toString();
        for (let turns = 0; turns < 200; turns++) await turn();
        expect(bytes.toString() === begin).toBe(true);
        most = Math.max(most, bytes.length);
        text += begin;
        writing -= 1;
      },
      () => {},
    );
    const { rows, digest } = await readPart(session, odd, await readColumns(session, [odd], true), lines);
    await lines.end();
    const expected = await session.rows(sql<{ row: string }>`select row_to_json(x)::text as "row" from odd x order by id`);
    const direct = createDigest();
    for (const { row } of expected) direct.add(row);
    expect([rows, digest]).toEqual([12_000, direct.hex()]);
    expect(text === expected.map(({ row }) => `${PREFIX}${row}}\n`).join("")).toBe(true);
    expect(most, "what is kept at once").toBeLessThan(2 * 1024 * 1024);
  }));

test("U44 an export that can't be written ends its statement, and says why", async ({ db }) => {
  let process = 0;
  const failed = withOdd(db, many, async (session) => {
    process = (await session.one(sql<{ pid: number }>`select pg_backend_pid() as pid`)).pid;
    const lines = createLineWriter(
      async () => {
        await turn();
        throw new Error("The disk is full.");
      },
      () => {},
    );
    await readPart(session, odd, await readColumns(session, [odd], true), lines);
    await lines.end();
  });
  await expect(failed).rejects.toThrow("The disk is full.");
  const copying = sql`select from pg_stat_activity where pid = ${process} and pid <> pg_backend_pid() and xact_start is not null`;
  await expect.poll(() => db.session().rows(copying)).toEqual([]);
  // The connection goes on.
  await withOdd(db, many.slice(0, 1), async (session) => {
    expect((await readOdd(session, true)).rows).toEqual([]);
  });
});
