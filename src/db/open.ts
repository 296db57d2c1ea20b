import { sql } from "kysely";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { type DataFolder, lockDataFolder } from "./data-folder.ts";
import { type Database, openDatabase } from "./orm.ts";
import { StartupError } from "./startup-error.ts";
import { isRefused, isUnreachable } from "./unreachable.ts";

/** The open database of a command that owns it (serve, migrate, import), with the secret key that encrypts values and seals tokens. */
export type OwnedDatabase = Database & {
  /** The secret key from the settings; without one there, the key that is stored beside the embedded data. */
  readonly secretKey: Uint8Array;
};

/** The oldest PostgreSQL whose features are used. */
const MIN_POSTGRES = 15;

const assertVersion = async (db: Database): Promise<void> => {
  const { server_version_num: version } = await db.session().one(sql<{ server_version_num: string }>`show server_version_num`);
  const major = Math.floor(Number(version) / 10_000);
  if (major < MIN_POSTGRES) {
    throw new StartupError(`The database is PostgreSQL ${major}; userd needs ${MIN_POSTGRES} or newer.`);
  }
};

/** The first sentence of what went wrong; a driver may wrap several attempts in an AggregateError without a message. */
const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === "") return reasonOf(error.errors[0]);
  return error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
};

const explain = (config: Pick<Config, "database">, error: unknown): StartupError => {
  if (error instanceof StartupError) return error;
  const { database } = config;
  if (database.kind === "pglite") {
    // What the embedded database says of it is about its own insides ("Aborted(). Build with -sASSERTIONS …").
    return new StartupError(
      `The data folder ${database.folder} can't be opened: it is damaged. Restore it from a backup, or use another folder.`,
      { cause: error },
    );
  }
  const { host } = new URL(database.url);
  const what = isUnreachable(error) && !isRefused(error) ? "can't be reached" : "can't be used";
  return new StartupError(`The database at ${host} ${what}: ${reasonOf(error)}.`, { cause: error });
};

const lock = ({ database }: Pick<Config, "database">): DataFolder | undefined =>
  database.kind === "pglite" && database.folder !== "memory" ? lockDataFolder(database.folder) : undefined;

/**
 * Opens the database for a command; `kinds` defaults to the built-in kinds. An embedded database is locked first: only one process may have
 * it open.
 * @throws StartupError when the database is in use, unreachable, damaged or too old; the message says which.
 */
export const openForCommand = async (
  config: Pick<Config, "database" | "poolSize" | "secretKey"> &
    Partial<Pick<Config, "preparedStatements">> & { readonly silenceMs?: number },
  log: Logger,
  kinds?: KindSet,
): Promise<OwnedDatabase> => {
  await using stack = new AsyncDisposableStack();
  const folder = lock(config);
  if (folder) stack.use(folder);
  try {
    const db = stack.use(await openDatabase(config, log, kinds));
    await assertVersion(db);
    folder?.opened();
    const secretKey = config.secretKey ?? folder?.secretKey ?? new Uint8Array(32);
    const owned = stack.move();
    return { ...db, secretKey, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (error) {
    throw explain(config, error);
  }
};
