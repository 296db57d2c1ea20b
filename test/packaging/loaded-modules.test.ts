import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test as base } from "../support/database.ts";
import { runUserd, startService, temporaryFolder } from "../support/userd.ts";

const list = new URL("../support/list-modules.ts", import.meta.url).href;

/** What a process of ours loads: packages by their names, the sources by their paths. */
type Loaded = (run: (settings: NodeJS.ProcessEnv) => Promise<unknown>) => Promise<ReadonlySet<string>>;

const nameOf = (url: string): string => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url.replace(/.*\/(src|dist)\//, "src/");

const test = base.extend("loaded", async ({}, { onCleanup }): Promise<Loaded> => {
  const folder = await temporaryFolder();
  onCleanup(() => folder[Symbol.asyncDispose]());
  const file = join(folder.path, "modules");
  return async (run) => {
    await run({ NODE_OPTIONS: `--import=${list}`, MODULES_FILE: file });
    return new Set((await readFile(file, "utf8")).split("\n").map(nameOf));
  };
});

const server = ["@mikro-orm/core", "kysely", "pg", "@grpc/grpc-js", "src/db/orm.ts", "src/main.ts", "src/app.ts"];
const embedded = ["@electric-sql/pglite", "@mikro-orm/pglite"];
const redis = ["@keyv/redis", "@redis/client"];
const ofCommands = ["cli-table3", "cli-progress", "stream-json", "src/import/import.ts", "src/options/codegen/accessor.ts"];

/** Those that should not have been loaded, but were. */
const among = (names: readonly string[], loaded: ReadonlySet<string>) => names.filter((name) => loaded.has(name));

describe("userd loads what it uses:", { concurrent: true }, () => {
  test("help needs the command line alone", async ({ loaded }) => {
    const names = await loaded((settings) => runUserd(["users", "list", "--help"], { settings }));
    expect(names).toContain("commander");
    expect(among([...server, ...embedded, ...redis, ...ofCommands, "zod", "@bufbuild/protobuf"], names)).toEqual([]);
  });

  test("a client needs neither a database nor a server", async ({ loaded }) => {
    const names = await loaded((settings) => runUserd(["users", "list", "--address", "127.0.0.1:1"], { settings }));
    expect(names).toContain("@connectrpc/connect-node");
    expect(among([...server, ...embedded, ...redis], names)).toEqual([]);
  });

  test("serving from PostgreSQL needs no embedded database, no Redis, no reader of revoked certificates, and nothing of other commands", async ({
    loaded,
    databaseUrl,
  }) => {
    const names = await loaded(async (settings) => {
      await using service = await startService({ ...settings, DATABASE_URL: databaseUrl });
      service.process.kill("SIGTERM");
      await service.ended;
    });
    expect(among(server, names)).toEqual(server);
    expect(among([...embedded, ...redis, ...ofCommands, "@peculiar/asn1-x509"], names)).toEqual([]);
  });
});
