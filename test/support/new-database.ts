import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database of a program's own, dropped when disposed; `admin` is a connection to the server's maintenance database. */
export type NewDatabase = AsyncDisposable & { readonly url: string; readonly name: string; readonly admin: pg.Client };

/** Creates a database in a PostgreSQL that is reached by `postgresUrl`. Its name begins with `prefix`. */
export const newDatabase = async (postgresUrl: string, prefix: string): Promise<NewDatabase> => {
  await using stack = new AsyncDisposableStack();
  const admin = new pg.Client(postgresUrl);
  await admin.connect();
  stack.defer(() => admin.end());
  const name = `${prefix}_${randomBytes(4).toString("hex")}`;
  await admin.query(`create database ${name}`);
  stack.defer(async () => void (await admin.query(`drop database if exists ${name} with (force)`)));
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  const running = stack.move();
  return { url: url.href, name, admin, [Symbol.asyncDispose]: () => running.disposeAsync() };
};
