import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { builtInDefinitions } from "../src/options/registry/load.ts";
import { newDatabase } from "../test/support/new-database.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { startNode } from "./child.ts";
import type { Pins } from "./cpus.ts";
import { startFlags } from "./start-flags.ts";

/** userd as its users run it: a process of its own. */
export type Userd = AsyncDisposable & {
  readonly pid: number;
  readonly grpcAddress: string;
  readonly httpAddress: string;
};

/** How a userd differs from the one that most rows measure: default settings, on the server's core. */
export type UserdOptions = {
  readonly settings?: Readonly<Record<string, string>>;
  /** After `serve`. */
  readonly args?: readonly string[];
  /** The cores that it may run on; undefined = any. */
  readonly cpus?: string | undefined;
  /** What is run with `serve`, in the checkout; default: bin/userd.js. */
  readonly script?: string;
};

/** The userd that most rows measure, on a PostgreSQL of its own. */
export type Service = Userd & {
  readonly databaseUrl: string;
  /** Version and durability of the database. */
  readonly database: string;
  /** Starts one more on the same database. */
  readonly startAnother: (options: UserdOptions) => Promise<Userd>;
};

const thisCheckout = fileURLToPath(new URL("..", import.meta.url));

const userd = "bin/userd.js";

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

const startUserd = async (program: string, cpus: string | undefined, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Userd> => {
  await using stack = new AsyncDisposableStack();
  const child = stack.use(startNode(program, ["serve", ...args], { cpus, nodeFlags: startFlags, env }));
  const ready = await child.nextLine();
  const [, grpcAddress, httpAddress] = /gRPC on (\S+), HTTP on (\S+)/.exec(ready) ?? [];
  if (grpcAddress === undefined || httpAddress === undefined) throw new Error(`userd said something unknown: ${ready}`);
  const running = stack.move();
  return { pid: child.pid, grpcAddress, httpAddress, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

/** Starts PostgreSQL (or takes that of DATABASE_URL_TEST), makes a database in it, and starts a checkout's userd with its defaults. */
export const startService = async (pins: Pins, checkout: string = thisCheckout): Promise<Service> => {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const { url, admin } = stack.use(await newDatabase(postgres.url, "userd_bench"));
  const database = await describeDatabase(admin);

  const folder = await mkdtemp(join(tmpdir(), "userd-bench-"));
  stack.defer(() => rm(folder, { recursive: true }));
  const env = {
    DATABASE_URL: url,
    SECRET_KEY: randomBytes(32).toString("base64"),
    GRPC_LISTEN: "127.0.0.1:0",
    HTTP_LISTEN: "127.0.0.1:0",
    DRAIN_SECONDS: "0",
    WORKERS: "1",
    OPTION_DEFINITIONS: await writeDefinitions(folder),
  };
  const first = stack.use(await startUserd(resolve(checkout, userd), pins.server, [], env));
  const running = stack.move();
  return {
    ...first,
    databaseUrl: url,
    database,
    startAnother: ({ settings = {}, args = [], script = userd, ...where }) =>
      startUserd(resolve(checkout, script), "cpus" in where ? where.cpus : pins.server, args, { ...env, ...settings }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
