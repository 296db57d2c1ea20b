import type pg from "pg";
import { Client } from "pg";
import { expect } from "vitest";
import { clientClass } from "../../src/db/preparing-client.ts";
import { prepareAnew, RECURRING } from "../../src/db/statement-names.ts";
import { test } from "../support/database.ts";

type Answer = Pick<pg.QueryResult, "command" | "rowCount" | "rows">;

const Preparing = clientClass({ prepares: true, silenceMs: undefined });

/** Both connect to the same database; the second is pg's own client. */
const connect = async (databaseUrl: string) => {
  const clients = [new Preparing({ connectionString: databaseUrl, pipeline: true }), new Client(databaseUrl)] as const;
  for (const client of clients) await client.connect();
  return {
    clients,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.end();
    },
  };
};

const answerOf = async (client: pg.Client, text: string, values: unknown[]): Promise<Answer | string> => {
  try {
    const { command, rowCount, rows } = await client.query(text, values);
    return { command, rowCount, rows };
  } catch (error) {
    return String(error);
  }
};

const statements: readonly (readonly [text: string, values: unknown[]])[] = [
  ["select $1::int as a, null::text as b, $2::text as c, 1.5::float8 as d, true as e", [1, 'ß "\\']],
  [
    "select * from unnest($1::int[], $2::text[]) as w (a, b)",
    [
      [1, null, 3],
      ["x", null, "{}"],
    ],
  ],
  ["select $1::jsonb as json, $2::bytea as bytes, $3::timestamptz as at", [{ a: [null] }, Buffer.from("b"), new Date(0)]],
  ["select 1 as same, $1::int as same", [null]],
  ["select from generate_series(1, $1::int)", [3]],
  ["select $1::int as none where false", [1]],
  ["insert into pg_temp.noted values ($1)", [1]],
  ["insert into pg_temp.noted values ($1) returning a, a + 1 as next", [2]],
  ["update pg_temp.noted set a = a + $1", [1]],
  ["delete from pg_temp.noted where a = $1 returning *", [99]],
  ["select 1 / $1::int as failed", [0]],
  ["select $1::no_such_type", [1]],
];

test("a statement with a name is answered as by pg itself, the first time and again", async ({ databaseUrl }) => {
  await using both = await connect(databaseUrl);
  for (const client of both.clients) await client.query("create temporary table noted (a int)");
  for (let time = 1; time <= 3; time += 1) {
    for (const [text, values] of statements) {
      const [own, theirs] = await Promise.all(both.clients.map((client) => answerOf(client, text, values)));
      expect(own, `${text}, time ${time}`).toEqual(theirs);
    }
  }
});

test("statements that are sent together are answered in their order, whichever fail", async ({ databaseUrl }) => {
  await using both = await connect(databaseUrl);
  const [own] = both.clients;
  const divisors = Array.from({ length: 20 }, (_, index) => index % 4);
  const answers = await Promise.all(divisors.map((divisor) => answerOf(own, "select 12 / $1::int as answer", [divisor])));
  expect(answers.map((answer) => (typeof answer === "string" ? "failed" : answer.rows[0].answer))).toEqual(
    divisors.map((divisor) => (divisor === 0 ? "failed" : 12 / divisor)),
  );
});

test("a value that can't be read fails its statement, and no other one", async ({ databaseUrl }) => {
  const getTypeParser = () => (text: string) => {
    if (text === "2") throw new Error("two");
    return text;
  };
  await using stack = new AsyncDisposableStack();
  const client = new Preparing({ connectionString: databaseUrl, pipeline: true, types: { getTypeParser } as never });
  await client.connect();
  stack.defer(() => client.end());
  const texts = ["1", "2", "3"];
  const answers = await Promise.all(texts.map((text) => answerOf(client, "select $1::text as a", [text])));
  expect(answers.map((answer) => (typeof answer === "string" ? answer : answer.rows))).toEqual([[{ a: "1" }], "Error: two", [{ a: "3" }]]);
});

test("of recurring statements a connection keeps those that ran last, and answers all", async ({ databaseUrl }) => {
  await using both = await connect(databaseUrl);
  const [own] = both.clients;
  const texts = Array.from(
    { length: 150 },
    (_, index) => `${RECURRING} select $1::int + ${index} as sum${index}, ${index} / ($1::int - 7) as quotient`,
  );
  const answers = async (value: number) =>
    (await Promise.all(texts.map((text) => answerOf(own, text, [value])))).map((answer) =>
      typeof answer === "string" ? answer : Object.values(answer.rows[0]),
    );
  expect(await answers(8)).toEqual(texts.map((_, index) => [8 + index, index]));
  expect(await answers(7)).toEqual(texts.map(() => "error: division by zero"));
  expect(await answers(8)).toEqual(texts.map((_, index) => [8 + index, index]));
  const { rows } = await own.query("select statement from pg_prepared_statements where statement like $1", [`${RECURRING}%`]);
  expect(rows.map(({ statement }) => statement)).toHaveLength(64);
  expect(new Set(rows.map(({ statement }) => statement))).toEqual(new Set(texts.slice(-64)));
});

test("a connection has each recurring statement under the name that it has meanwhile", async ({ databaseUrl }) => {
  await using one = await connect(databaseUrl);
  await using other = await connect(databaseUrl);
  const first = `${RECURRING} select $1::int as first`;
  const run = ([client]: typeof one.clients, text: string) => answerOf(client, text, [1]);
  await run(one.clients, first);
  for (let index = 0; index < 100; index += 1) await run(other.clients, `${RECURRING} select $1::int as a${index}`);
  for (const { clients } of [one, other, one]) expect(await run(clients, first)).toMatchObject({ rows: [{ first: 1 }] });
  prepareAnew();
  for (const { clients } of [one, other]) expect(await run(clients, first)).toMatchObject({ rows: [{ first: 1 }] });
});
