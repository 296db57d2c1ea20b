import { randomBytes } from "node:crypto";
import pg from "pg";
import { pino } from "pino";
import { test as base, inject } from "vitest";
import type { OwnedDatabase } from "../../src/db/open.ts";
import { openDatabase } from "../../src/db/orm.ts";
import type { DatabaseUrl } from "../../src/settings.ts";

/** A database of one's own, cloned from the migrated template; dropped when disposed. */
export type TestDatabase = AsyncDisposable & { readonly url: string };

const create = async (options: string): Promise<TestDatabase> => {
  const name = `userd_test_${randomBytes(6).toString("hex")}`;
  const admin = async (statement: string) => {
    const client = new pg.Client(inject("postgresUrl"));
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await admin(`create database ${name} ${options}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return { url: url.href, [Symbol.asyncDispose]: () => admin(`drop database if exists ${name} with (force)`) };
};

/** Clones the template. */
export const cloneDatabase = (): Promise<TestDatabase> => create(`template ${inject("templateName")}`);

/** An empty database. */
export const createDatabase = (): Promise<TestDatabase> => create("");
/** The key of the tests' services. */
export const secretKey = Buffer.alloc(32, 7);

/** What the tests log: nothing. */
export const silent = pino({ level: "silent" });

/** `database` is where the file's own database is, `db` is it, opened. */
export const test = base
  .extend("databaseUrl", { scope: "file" }, async ({}, { onCleanup }): Promise<string> => {
    const database = await cloneDatabase();
    onCleanup(() => database[Symbol.asyncDispose]());
    return database.url;
  })
  .extend("db", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<OwnedDatabase> => {
    const database: DatabaseUrl = { kind: "postgres", url: databaseUrl };
    const db = await openDatabase({ database, poolSize: 10 }, silent);
    onCleanup(() => db[Symbol.asyncDispose]());
    return { ...db, secretKey };
  });
