import { randomBytes } from "node:crypto";
import pg from "pg";
import { pino } from "pino";
import type { TestProject } from "vitest/node";
import { migrate } from "../../src/db/migrate.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The maintenance database of the tests' PostgreSQL. */
    postgresUrl: string;
    /** A migrated database that every test file clones. */
    templateName: string;
  }
}

/** Starts PostgreSQL once for all test files, and migrates the template that each of them clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres();
  const templateName = `userd_template_${randomBytes(4).toString("hex")}`;
  const admin = new pg.Client(postgres.url);
  await admin.connect();
  await admin.query(`create database ${templateName}`);
  const url = new URL(postgres.url);
  url.pathname = `/${templateName}`;
  {
    const log = pino({ level: "silent" });
    await using db = await openDatabase({ database: { kind: "postgres", url: url.href }, poolSize: 2 }, log);
    await migrate(db, log);
  }
  project.provide("postgresUrl", postgres.url);
  project.provide("templateName", templateName);
  return async () => {
    await admin.query(`drop database if exists ${templateName} with (force)`);
    await admin.end();
    await postgres.stop();
  };
}
