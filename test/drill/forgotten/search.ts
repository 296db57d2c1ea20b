import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import { isMarked, type Marker, wordsOf } from "./marker.ts";

/** Tells whether a file has a marker, whatever its size. */
const has = async (path: string, marker: Marker): Promise<boolean> => {
  const longest = Math.max(...wordsOf(marker).map((word) => word.length));
  let rest = "";
  for await (const chunk of createReadStream(path, "latin1")) {
    const read = rest + String(chunk);
    if (isMarked(marker, read)) return true;
    rest = read.slice(1 - longest);
  }
  return false;
};

/** Finds the files under a folder that have a marker; those of the write-ahead log apart. */
export const filesWith = async (folder: string, marker: Marker) => {
  const found = { data: [] as string[], log: [] as string[] };
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (await has(path, marker)) found[path.includes("pg_wal") ? "log" : "data"].push(path.slice(folder.length + 1));
  }
  return found;
};

/** Returns what a text with a marker is like in a row, also within bytes. */
const patternsOf = (marker: Marker): readonly string[] =>
  wordsOf(marker).flatMap((word) => [`%${word}%`, `%${Buffer.from(word).toString("hex")}%`]);

/** Finds the tables of the service that have a marker in a row. */
export const tablesWith = async (client: pg.Client, marker: Marker): Promise<readonly string[]> => {
  const { rows } = await client.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1",
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const { rowCount } = await client.query(`select from ${name} x where lower(x::text) like any($1) limit 1`, [patternsOf(marker)]);
    if (rowCount !== 0) found.push(name);
  }
  return found;
};

/** Finds the columns of which the planner knows values with a marker. */
export const knownWith = async (client: pg.Client, marker: Marker): Promise<readonly string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `select distinct tablename || '.' || attname as name from pg_stats
     where lower(coalesce(most_common_vals::text, '') || ' ' || coalesce(histogram_bounds::text, '')) like any($1)`,
    [patternsOf(marker)],
  );
  return rows.map(({ name }) => name);
};

/** Makes the function that names the relation of a file of PostgreSQL. */
export const createRelationNames = async (client: pg.Client): Promise<(file: string) => string> => {
  const { rows } = await client.query<{ node: string; name: string }>(
    "select pg_relation_filenode(oid)::text as node, oid::regclass::text as name from pg_class where pg_relation_filenode(oid) is not null",
  );
  return (file) => rows.find(({ node }) => node === file.replace(/^.*\/|\..*$/g, ""))?.name ?? file;
};
