import { sql } from "kysely";
import { expect } from "vitest";
import { compiled, place } from "../../src/db/compiled.ts";
import { test } from "../support/database.ts";

test("a statement that is compiled once takes the values of each run", async ({ db }) => {
  const parts = compiled(sql<{ text: string; same: string; constant: number; ids: bigint[] | null }>`
    select ${place("text")}::text as text, ${place("text")}::text as same, ${7}::int as constant, ${place("ids")}::bigint[] as ids`);
  const run = (values: Record<string, unknown>) => db.session().one(parts(values));
  const [first, second] = await Promise.all([run({ text: "a'b", ids: ["1", "2"] }), run({ ids: null, text: "$1" })]);
  expect(first).toEqual({ text: "a'b", same: "a'b", constant: 7, ids: ["1", "2"] });
  expect(second).toEqual({ text: "$1", same: "$1", constant: 7, ids: null });
});

test("a value that looks like a place is bound as it is", async ({ db }) => {
  const echo = compiled(sql<{ json: unknown }>`select ${place("json")}::jsonb as json`);
  expect(await db.session().one(echo({ json: { place: "json" } }))).toEqual({ json: { place: "json" } });
});
