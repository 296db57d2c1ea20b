import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { builtInDefinitions } from "../src/options/registry/load.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { startNode } from "./child.ts";
import type { Pins } from "./cpus.ts";

/** userd as its users run it: a process of its own, on a PostgreSQL of its own. */
export type Service = AsyncDisposable & {
  readonly pid: number;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly databaseUrl: string;
  /** Version and durability of the database. */
  readonly database: string;
};

const userd = fileURLToPath(new URL("../bin/userd.js", import.meta.url));

const describeDatabase = async (admin: pg.Client): Promise<string> => {
  const { rows } = await admin.query<Record<string, string>>(
    "select current_setting('server_version') as version, current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit",
  );
  const [{ version, fsync, commit } = {}] = rows;
  return `PostgreSQL ${version} (fsync ${fsync}, synchronous_commit ${commit})`;
};

/** The one key whose values can be searched by; the definitions of the others are the built-in ones. */
export const indexedKey = "bench_plan";

const writeDefinitions = async (folder: string): Promise<string> => {
  const path = join(folder, "definitions.yaml");
  const builtIn = await readFile(builtInDefinitions, "utf8");
  await writeFile(path, `${builtIn}\n${indexedKey}: { description: What the bench searches by., type: string, indexed: true }\n`);
  return path;
};

/** Starts PostgreSQL (or takes that of DATABASE_URL_TEST), makes a database in it, and starts userd with its defaults. */
export const startService = async (pins: Pins): Promise<Service> => {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const admin = new pg.Client(postgres.url);
  await admin.connect();
  stack.defer(() => admin.end());
  const name = `userd_bench_${randomBytes(4).toString("hex")}`;
  await admin.query(`create database ${name}`);
  stack.defer(async () => {
    await admin.query(`drop database if exists ${name} with (force)`);
  });
  const database = await describeDatabase(admin);
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;

  const folder = await mkdtemp(join(tmpdir(), "userd-bench-"));
  stack.defer(() => rm(folder, { recursive: true }));
  const child = stack.use(
    startNode(userd, ["serve"], {
      cpus: pins.server,
      env: {
        DATABASE_URL: url.href,
        SECRET_KEY: randomBytes(32).toString("base64"),
        GRPC_LISTEN: "127.0.0.1:0",
        HTTP_LISTEN: "127.0.0.1:0",
        DRAIN_SECONDS: "0",
        OPTION_DEFINITIONS: await writeDefinitions(folder),
      },
    }),
  );
  const ready = await child.nextLine();
  const [, grpcAddress, httpAddress] = /gRPC on (\S+), HTTP on (\S+)/.exec(ready) ?? [];
  if (grpcAddress === undefined || httpAddress === undefined) throw new Error(`userd said something unknown: ${ready}`);
  const running = stack.move();
  return {
    pid: child.pid,
    grpcAddress,
    httpAddress,
    databaseUrl: url.href,
    database,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

/** How many calls of a method userd has answered with OK so far, by its own count. */
export const answeredCalls = async ({ httpAddress }: Service, path: string): Promise<number> => {
  const text = await (await fetch(`http://${httpAddress}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith("userd_calls_total{"));
  const line = lines.find((labels) => labels.includes(`method="${path.slice(1)}"`) && labels.includes('code="OK"'));
  return Number(line?.split("} ")[1] ?? 0);
};
