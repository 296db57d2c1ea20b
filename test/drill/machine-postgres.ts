import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { freePort, userInsteadOfRoot } from "../support/postgres.ts";

/** Where Debian has the programs of PostgreSQL, those of one version beside those of another. */
const versions = "/usr/lib/postgresql";

/** The folder with the newest PostgreSQL that the machine has, with its programs for dumps; npm's has none. */
const folderOf = (): string | undefined =>
  (existsSync(versions) ? readdirSync(versions) : [])
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(versions, version, "bin"))
    .find((folder) => ["initdb", "postgres", "pg_dump", "pg_resetwal", "psql"].every((program) => existsSync(join(folder, program))));

/** Says why there is no such PostgreSQL; undefined = there is one. */
export const lacksMachinePostgres = (): string | undefined =>
  folderOf() === undefined ? `${versions} has no version with pg_dump, pg_resetwal and a server` : undefined;

/** A cluster of the machine's own PostgreSQL, with programs that dump and restore. */
export type MachinePostgres = {
  readonly url: string;
  /** Dumps a database, as text. */
  readonly dump: (url: string) => string;
  /** Runs a dump on a database of any server. */
  readonly restore: (dump: string, url: string) => void;
};

/**
 * Starts a new cluster whose transactions have ids of the second round, above those of any cluster that has not been through one; it is gone with the
 * stack.
 */
export const startMachinePostgres = async (stack: AsyncDisposableStack): Promise<MachinePostgres> => {
  const programs = folderOf() ?? "";
  const user = userInsteadOfRoot();
  const folder = mkdtempSync(join(tmpdir(), "userd-machine-postgres-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { ...user, cwd: folder };
  execFileSync(join(programs, "initdb"), ["--pgdata", data, "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"], {
    ...options,
    stdio: "ignore",
  });
  execFileSync(join(programs, "pg_resetwal"), ["--epoch=1", "--pgdata", data], { ...options, stdio: "ignore" });
  const port = await freePort();
  const settings = { port, listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off", max_connections: 100 };
  const server: ChildProcess = spawn(
    join(programs, "postgres"),
    ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    { ...options, stdio: "ignore" },
  );
  const gone = once(server, "exit");
  stack.defer(async () => {
    server.kill("SIGQUIT");
    await gone;
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  for (let tries = 0; ; tries += 1) {
    const client = new pg.Client(url);
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      break;
    } catch (error) {
      if (tries === 200) throw error;
      await delay(50);
    }
  }
  const maxBuffer = 256 * 1024 * 1024;
  return {
    url,
    dump: (database) => execFileSync(join(programs, "pg_dump"), ["--no-owner", `--dbname=${database}`], { encoding: "utf8", maxBuffer }),
    restore: (dump, database) =>
      void execFileSync(join(programs, "psql"), ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", `--dbname=${database}`], {
        input: dump,
        maxBuffer,
        stdio: ["pipe", "ignore", "pipe"],
      }),
  };
};
