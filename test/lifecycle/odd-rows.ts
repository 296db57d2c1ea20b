import { sql } from "kysely";
import { expect } from "vitest";
import { transact } from "../../src/db/in-transaction.ts";
import type { Database } from "../../src/db/orm.ts";
import { BACKGROUND } from "../../src/db/places.ts";
import { createSession, type Session } from "../../src/db/session.ts";
import { createDigest } from "../../src/lifecycle/export/format.ts";
import { createLineWriter } from "../../src/lifecycle/export/line-writer.ts";
import type { Part } from "../../src/lifecycle/export/parts.ts";
import { readColumns, readPart } from "../../src/lifecycle/export/read-part.ts";

/** What stands before its rows in an export. */
export const PREFIX = '{"table":"odd","kind":"personal","row":';
/** A table of a transaction, whose columns have names and types of all sorts. */
export const odd: Part = { table: "odd", kind: "personal", secrets: ["secret"], order: ["id"] };

/** Runs `body` in a transaction that has a table `odd` of its own. */
export const withOdd = <T>(db: Database, statements: readonly string[], body: (session: Session) => Promise<T>): Promise<T> =>
  transact(db, BACKGROUND, async (transaction) => {
    const session = createSession(transaction, db.kinds);
    for (const statement of statements) await session.rows(sql.raw(statement));
    return body(session);
  });

/** Every character that COPY or JSON escapes, what they escape it with, and what looks like a null, an end or an escape of either. */
const texts = [
  ...Array.from({ length: 0x20 }, (_, index) => String.fromCharCode(index + 1)),
  ..."\"\\/'{},\u007fä€😀\u2028",
  ...["", "\\N", "\\.", "\\v", "\\\\v\u000b", "v", "N", "null", 'a\tb\nc\rd\\"e"', "\\u0001", "2026-11-30 12:00:00+00", " padded ", "😀"],
].map((text) => `E'${[...text].map((one) => `\\U${(one.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`).join("")}'`);
const moments = [
  "2026-11-30 12:00:00.123456+00",
  "0044-03-15 12:00:00+00 BC",
  "12345-01-01 00:00:00+00",
  "infinity",
  "-infinity",
  "1893-01-01 00:00+01:05",
];

const makeOdd = [
  `create temp table odd (id bigint primary key, small smallint, whole integer, flag boolean, name text not null, short varchar(50), bytes bytea,
    json jsonb, at timestamptz, words text[], numbers bigint[], moments timestamptz[], part numeric, share double precision, day date, ip inet, secret text,
    "odd ""name" text, twice text generated always as (name || name) stored) on commit drop`,
  ...texts.map(
    (
      text,
      index,
    ) => `insert into odd values (${index}, ${-index}, ${index}, ${index % 2 === 0}, ${text}, ${text}, convert_to(${text}, 'UTF8'),
      jsonb_build_object(${text}, ${text}, 'in', jsonb_build_array(${text}, null, true, 1.50, ${index})), '2026-01-01'::timestamptz, array[${text}, null],
      array[1, null], array['2026-01-01'::timestamptz, null], 1.50, 0.1, '2026-11-30', '10.0.0.0/8', 's', ${text})`,
  ),
  ...moments.map((moment, index) => `insert into odd (id, name, at) values (${1000 + index}, '', '${moment}')`),
  "insert into odd (id, name, part, share) values (-9223372036854775808, '', 'NaN', 'infinity'), (9223372036854775807, '', 1e40, '-0')",
  `insert into odd (id, name, json) values (2000, '', 'null'), (2001, '', '"\\\\\\"\\u000b"')`,
];

/** Reads the table as an export does. */
export const readOdd = async (session: Session, withSecrets: boolean) => {
  let text = "";
  const lines = createLineWriter(
    async (bytes) => {
      text += bytes.toString();
    },
    () => {},
  );
  const table = await readPart(session, odd, await readColumns(session, [odd], withSecrets), lines);
  await lines.end();
  const rows = text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.slice(PREFIX.length, -1));
  return { table, rows };
};

/** Expects that an export has the rows of `row_to_json`, whatever they hold. */
export const expectJsonOf = (db: Database) =>
  withOdd(db, makeOdd, async (session) => {
    const expected = (await session.rows(sql<{ row: string }>`select row_to_json(x)::text as "row" from odd x order by id`)).map(
      ({ row }) => row,
    );
    const { table, rows } = await readOdd(session, true);
    expect(rows).toEqual(expected);
    const digest = createDigest();
    for (const row of expected) digest.add(row);
    expect(table).toEqual({ table: "odd", kind: "personal", rows: expected.length, digest: digest.hex() });
    const shown = await readOdd(session, false);
    expect(shown.rows.map((row) => JSON.parse(row) as object)).toEqual(
      expected.map((row) => JSON.parse(row, (key, value: unknown) => (key === "secret" ? undefined : value)) as object),
    );
  });
