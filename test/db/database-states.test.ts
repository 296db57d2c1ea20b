import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent, test } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { testConfig } from "../support/service.ts";

/** Runs statements beside the service, as the owner of the database. */
const admin = async (url: string, ...statements: readonly string[]): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
};

test("a database that is read-only answers reads, and refuses writes with UNAVAILABLE", async ({ databaseUrl }) => {
  const name = new URL(databaseUrl).pathname.slice(1);
  await using app = await startApp(testConfig(databaseUrl, { CACHE_URL: "none" }), silent, { migrate: true });
  const clients = createClients(app);
  const { options } = clients.byKind["grpc-js"];
  const { id: userId } = await createUser(clients.byKind["grpc-js"]);
  await admin(
    databaseUrl,
    `alter database ${name} set default_transaction_read_only = on`,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
  );
  const { error } = await expectRefusal(options.setOption({ userId, key: "k", value: value(1) }), "Unavailable", "DATABASE_READ_ONLY");
  expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
  expect(await options.getOption({ userId, key: "k" })).toMatchObject({ found: false });
  await admin(
    databaseUrl,
    "set default_transaction_read_only = off",
    `alter database ${name} reset default_transaction_read_only`,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
  );
  expect(await options.setOption({ userId, key: "k", value: value(1) })).toMatchObject({ created: true });
  clients.close();
});

/** A file system of four megabytes that belongs to the user of the database; undefined where this process may not mount one. */
const smallDisk = (owner: number): (Disposable & { readonly path: string }) | undefined => {
  const path = mkdtempSync(join(tmpdir(), "userd-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path], { stdio: "ignore" });
  } catch {
    rmdirSync(path);
    return undefined;
  }
  chownSync(path, owner, owner);
  return {
    path,
    [Symbol.dispose]: () => {
      execFileSync("umount", ["-l", path]);
      rmdirSync(path);
    },
  };
};

test("a full disk is RESOURCE_EXHAUSTED for writes; reads go on, and so do writes when there is room", async ({
  databaseUrl,
  db,
  skip,
}) => {
  const { data_directory } = await db.session().one(sql<{ data_directory: string }>`show data_directory`);
  using disk = existsSync(data_directory) ? smallDisk(statSync(data_directory).uid) : undefined;
  if (disk === undefined) return skip("this process may not mount a file system");
  await using app = await startApp(testConfig(databaseUrl), silent, { migrate: true });
  const clients = createClients(app);
  const { options } = clients.byKind["grpc-js"];
  const users: Awaited<ReturnType<typeof createUser>>[] = [];
  for (let n = 0; n < 40; n += 1) users.push(await createUser(clients.byKind["grpc-js"]));
  const space = `small_${process.pid}`;
  await admin(databaseUrl, `create tablespace ${space} location '${disk.path}'`, `alter table user_option set tablespace ${space}`);
  // Random, or the database would compress it.
  const text = () =>
    Buffer.from(crypto.getRandomValues(new Uint8Array(40_000)))
      .toString("base64")
      .slice(0, 50_000);
  const fill = async () => {
    for (const { id: userId } of users) {
      for (const key of ["a", "b", "c"]) await options.setOption({ userId, key, value: { kind: { case: "stringValue", value: text() } } });
    }
  };
  try {
    const { error } = await expectRefusal(fill(), "ResourceExhausted", "DATABASE_EXHAUSTED");
    expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
    const [first] = users;
    expect(await options.getOption({ userId: first?.id ?? 0n, key: "a" })).toMatchObject({ found: true });
  } finally {
    await admin(databaseUrl, "alter table user_option set tablespace pg_default", `drop tablespace ${space}`);
  }
  expect(await options.setOption({ userId: users.at(-1)?.id ?? 0n, key: "z", value: value(1) })).toMatchObject({ created: true });
  clients.close();
});
