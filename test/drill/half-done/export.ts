import { join } from "node:path";
import pg from "pg";
import { newDatabase } from "../../support/new-database.ts";
import { runUserd, temporaryFolder } from "../../support/userd.ts";
import { commitOf, killCommand } from "../kill.ts";
import type { Failpoint } from "./failpoint.ts";

const usersIn = async (url: string): Promise<number> => {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client
    .query<{ count: number }>("select count(*)::int as count from users")
    .catch(() => ({ rows: [{ count: 0 }] }));
  await client.end();
  return rows[0]?.count ?? 0;
};

/** Makes the test of the chunk that asks for the rows of the `nth` table. */
const copyOf = (nth: number) => {
  let seen = 0;
  return (chunk: Buffer): boolean => chunk.includes(") to stdout") && ++seen === nth;
};

const FIRST_ROWS = 'insert into "users"';

/** An export and an import of one that are killed: a file that is cut off is refused, and an import is whole or nothing. */
export const exportAndImport: Failpoint = async ({ databaseUrl, postgresUrl }, moment, time) => {
  const nth = 1 + (time % 3);
  await using folder = await temporaryFolder();
  const [torn, whole] = [join(folder.path, "torn"), join(folder.path, "whole")];
  const complaints: string[] = [];
  const tornExport = await killCommand(["export", "--all", "--secrets", "-o", torn], databaseUrl, copyOf(nth), moment);
  const exported = await runUserd(["export", "--all", "--secrets", "-o", whole], { settings: { DATABASE_URL: databaseUrl } });
  if (exported.code !== 0) complaints.push(`an export did not go on after the kill: ${exported.stderr.slice(-200)}`);
  await using target = await newDatabase(postgresUrl, "userd_torn");
  const settings = { DATABASE_URL: target.url };
  const refused = await runUserd(["import", "--into-empty", torn], { settings });
  if (refused.code !== 2 || (await usersIn(target.url)) > 0) complaints.push("a file that was cut off was not refused");
  const args = ["import", "--into-empty", whole];
  const when = nth > 1 ? (chunk: Buffer) => chunk.includes(FIRST_ROWS) : commitOf(1, FIRST_ROWS);
  const tornImport = await killCommand(args, target.url, when, moment);
  const [total, stored] = [await usersIn(databaseUrl), await usersIn(target.url)];
  if (stored !== 0 && stored !== total) complaints.push(`an import that was killed has stored ${stored} of ${total} users`);
  const { code } = await runUserd(args, { settings });
  if (code !== (stored === 0 ? 0 : 2) || (await usersIn(target.url)) !== total)
    complaints.push(`an import did not go on after the kill: ${code}`);
  return { kills: [tornExport, tornImport], complaints };
};
