import pg from "pg";
import { lifeOf } from "../../../src/lifecycle/tables.ts";
import { kinds } from "../../../src/schema/entities.ts";
import { keptIds, type TableColumn, USER_COLUMNS } from "../../lifecycle/user-columns.ts";
import { type Marker, wordsOf } from "./marker.ts";

/** The columns of texts that have nothing of a person in them, and why. */
const words: Readonly<Record<string, string>> = {
  "users.password": "a hash",
  "users.session_nonce": "random",
  "auth_token.last_characters": "random",
  "user_permission.permission": "a word of the services",
  "user_option.key": "a word of the services",
  "option_revision.key": "a word of the services",
  "option_revision.caller": "the name of a service",
  "resource.kind": "a word of the services",
  "resource.name": "a word of the services, which learn from the change log that it has ended",
  "organization_member.email": "of an invitation, which has no user",
  "organization_member.email_canonical": "of an invitation, which has no user",
  "merge_discard.table_name": "a word of userd",
  "merge_discard.side": "a word of userd",
  "merge_discard.after": "times and ids of what a merge has changed",
  "merge_move.table_name": "a word of userd",
  "merge_move.column_name": "a word of userd",
  "merge_part.table_name": "a word of userd",
  "merge_part.column_name": "a word of userd",
};

/** Reads the columns of texts, of lists of texts and of JSON, by table; what is sealed or hashed is in bytes. */
const textColumns = async (client: pg.Client): Promise<readonly TableColumn[]> => {
  const { rows } = await client.query<TableColumn>(
    `select c.relname as table, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'text[]'::regtype, 'varchar[]'::regtype) order by 1, 2`,
  );
  return rows;
};

/** Returns the columns of what is removed with a person, that can have texts of the person, and have no marker now: `table.column`. */
export const unmarkedColumns = async (client: pg.Client, marker: Marker): Promise<readonly string[]> => {
  const unmarked: string[] = [];
  for (const { table, column } of await textColumns(client)) {
    const name = `${table}.${column}`;
    if (lifeOf(kinds, table)?.erase !== "removed" || Object.hasOwn(words, name)) continue;
    const isMarked = wordsOf(marker).map((word) => `lower(${pg.escapeIdentifier(column)}::text) like ${pg.escapeLiteral(`%${word}%`)}`);
    const { rowCount } = await client.query(`select from ${pg.escapeIdentifier(table)} where ${isMarked.join(" or ")} limit 1`);
    if (rowCount === 0) unmarked.push(name);
  }
  return unmarked;
};

/** Tells of each column that names users, but for those that keep ids, whether it names one of some users. */
export const namedIn = async (client: pg.Client, users: readonly bigint[]): Promise<ReadonlyMap<string, boolean>> => {
  const { rows } = await client.query<TableColumn>(USER_COLUMNS);
  const named = new Map<string, boolean>();
  for (const { table, column } of rows.filter((one) => !Object.hasOwn(keptIds, `${one.table}.${one.column}`))) {
    const { rowCount } = await client.query(
      `select from ${pg.escapeIdentifier(table)} x where to_jsonb(x.${pg.escapeIdentifier(column)}) <@ to_jsonb($1::bigint[]) limit 1`,
      [users.map(String)],
    );
    named.set(`${table}.${column}`, rowCount !== 0);
  }
  return named;
};
