import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { permissions } from "../../src/permissions.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createClients } from "../support/clients.ts";
import { newDatabase } from "../support/new-database.ts";
import { startPostgres } from "../support/postgres.ts";
import { startService, temporaryFolder } from "../support/userd.ts";
import type { Attack, Target } from "./attack.ts";
import { recordInto, takeRecorded } from "./work.ts";

const memoryMb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;

const handles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Makes an entry of the callers' file; the token is the name. */
const caller = (name: string) => ({ name, token_sha256: createHash("sha256").update(name).digest("hex"), permissions });

/** The headers of a caller whose token is its name. */
export const as = (name: string) => ({ authorization: `Bearer ${name}` });

/** A database for the services under attack. */
export type Databases = AsyncDisposable & { readonly url: string; readonly transactions: () => Promise<number> };

/** Starts PostgreSQL (or takes that of DATABASE_URL_TEST) and makes a database in it. */
export const openDatabase = async (): Promise<Databases> => {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const { url, name, admin } = stack.use(await newDatabase(postgres.url, "userd_hostile"));
  const running = stack.move();
  return {
    url,
    transactions: async () => {
      const { rows } = await admin.query<{ n: string }>(
        "select xact_commit + xact_rollback as n from pg_stat_database where datname = $1",
        [name],
      );
      return Number(rows[0]?.n);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

/** A service under attack, which ends with its disposal. */
export type StartedTarget = Target &
  AsyncDisposable & {
    /** The end of its standard error when the process has ended; undefined while it runs. */
    readonly ended: () => string | undefined;
    /** The errors that it has logged, a line of JSON each: the causes of what it has answered with INTERNAL. */
    readonly errors: () => readonly string[];
  };

/** Starts the service of an attack. */
export const startTarget = async (
  attack: Pick<Attack, "settings" | "callers" | "recordsWork">,
  database: Databases,
): Promise<StartedTarget> => {
  const { settings = {}, callers = [], recordsWork = false } = attack;
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const tokenFile = join(folder.path, "callers.json");
  await writeFile(tokenFile, JSON.stringify({ callers: [caller("polite"), caller("greedy"), ...callers] }));
  const workFile = join(folder.path, "work.json");
  const recording = recordInto(workFile);
  const service = stack.use(
    await startService({
      DATABASE_URL: database.url,
      TOKEN_FILE: tokenFile,
      LOG_LEVEL: "error",
      // As `npm start` and the image do, and as workers are started.
      NODE_OPTIONS: `--max-semi-space-size=16${recordsWork ? ` ${recording.flag}` : ""}`,
      GLIBC_TUNABLES: "glibc.malloc.mxfast=0",
      ...(recordsWork && recording.settings),
      ...settings,
    }),
  );
  const clients = createClients(service);
  stack.defer(() => clients.close());
  const { users, options } = clients.byKind["grpc-js"];
  const { user } = await users.createUser({ user: { email: `${randomBytes(6).toString("hex")}@example.com` } }, { headers: as("polite") });
  const userId = user?.id ?? 0n;
  await options.setOption(
    { userId, key: "timezone", value: { kind: { case: "stringValue", value: "Europe/Vienna" } } },
    { headers: as("polite") },
  );

  const addresses = { grpc: service.grpcAddress, http: service.httpAddress };
  const pid = service.process.pid ?? 0;
  const target: Target = {
    pid,
    address: (port) => addresses[port],
    url: (port) => `http://${formatAddress(addresses[port])}`,
    userId,
    memoryMb: () => memoryMb(pid),
    handles: () => handles(pid),
    transactions: database.transactions,
    databaseUrl: database.url,
    recorded: () => takeRecorded(pid, workFile),
    another: () => startTarget(attack, database),
  };
  const running = stack.move();
  return {
    ...target,
    ended: () =>
      service.process.exitCode === null && service.process.signalCode === null ? undefined : service.output().stderr.slice(-4_000),
    errors: service.logged,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
