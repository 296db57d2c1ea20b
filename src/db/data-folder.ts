import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartupError } from "./startup-error.ts";

/** The folder of an embedded database, locked for this process alone. */
export type DataFolder = {
  /** The key that is stored beside the data; it is made at the first start. */
  readonly secretKey: Uint8Array;
  /** Has to be called when the database is open: from then on nothing in the folder is ever removed. */
  readonly opened: () => void;
  readonly [Symbol.dispose]: () => void;
};

const LOCK = "userd.lock";
const OWNER = "userd.pid";
const KEY = "userd.key";
/** A file that stands there from the first start until the database has been made: what is found beside it is half a database. */
const UNFINISHED = "userd.unfinished";
/** Without this file the embedded database takes a folder for a new one, and writes over what is there. */
const DATABASE = "PG_VERSION";

/** Tells whether a folder holds an embedded database. */
export const hasDatabase = (folder: string): boolean => existsSync(join(folder, DATABASE));

/** Tells whether a file's name is one that the embedded database gives in its folder. */
const isOfDatabase = (name: string): boolean => /^(PG_VERSION|base|global|pg_.*|postgresql\..*|postmaster\..*)$/.test(name);
const isOwn = (name: string): boolean => [LOCK, OWNER, KEY, UNFINISHED].some((own) => name.startsWith(own));
/** Tells whether a name is one that systems leave in any folder. */
const isHarmless = (name: string): boolean => name.startsWith(".") || name === "lost+found";

/** Runs an action on the folder; an error of the operating system becomes a sentence for the user. */
const using = <T>(folder: string, action: () => T): T => {
  try {
    return action();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "EEXIST" || code === "ENOTDIR" ? "it is a file" : message;
    throw new StartupError(`The data folder ${folder} can't be used: ${reason}.`, { cause: error });
  }
};

/** Refuses a folder that holds something else, or a database without what belongs to it. Changes nothing. */
const assertUsable = (folder: string): void => {
  const names = new Set(existsSync(folder) ? readdirSync(folder) : []);
  const refuse = (what: string) => new StartupError(`The data folder ${folder} ${what}.`);
  const foreign = [...names].filter((name) => ![isOwn, isOfDatabase, isHarmless].some((is) => is(name)));
  if (foreign.length > 0) {
    const some = `${foreign.slice(0, 3).join(", ")}${foreign.length > 3 ? ", …" : ""}`;
    throw refuse(`holds files that are not userd's (${some}): give userd a folder of its own`);
  }
  const isDatabase = [...names].some(isOfDatabase);
  if (!isDatabase || names.has(UNFINISHED)) return;
  if (!names.has(DATABASE)) throw refuse(`is damaged: ${DATABASE} is missing. Restore it from a backup, or use another folder`);
  if (!names.has(KEY))
    throw refuse(`has no ${KEY}: it is not userd's, or the key is lost. Restore it from a backup, or use another folder`);
};

const lockFile = (folder: string): DatabaseSync => {
  const lock = using(folder, () => new DatabaseSync(join(folder, LOCK), { timeout: 0 }));
  try {
    lock.exec("pragma locking_mode = exclusive; begin exclusive");
    return lock;
  } catch (error) {
    lock.close();
    const owner = existsSync(join(folder, OWNER)) ? readFileSync(join(folder, OWNER), "utf8").trim() : "unknown";
    throw new StartupError(`The data folder ${folder} is in use by process ${owner}. Stop that process, or use another DATABASE_URL.`, {
      cause: error,
    });
  }
};

const readKey = (path: string): Uint8Array => {
  if (!existsSync(path)) writeFileSync(path, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  if (statSync(path).isFile()) {
    chmodSync(path, 0o600);
    const key = Buffer.from(readFileSync(path, "utf8").trim(), "base64");
    if (key.length === 32) return key;
  }
  throw new StartupError(`The key in ${path} is damaged: it has to be 32 bytes in base64. Restore it from a backup.`);
};

/** Returns the key beside the data of a folder, which a service may be using; undefined = there is none. */
export const storedKey = (folder: string): Uint8Array | undefined => {
  const path = join(folder, KEY);
  return existsSync(path) ? using(folder, () => readKey(path)) : undefined;
};

/** A process that is killed while it makes the database leaves half of one, which nothing has been stored in. */
const prepare = (folder: string): void => {
  const made = readdirSync(folder).filter(isOfDatabase);
  if (existsSync(join(folder, UNFINISHED))) for (const name of made) rmSync(join(folder, name), { recursive: true });
  else if (made.length === 0) writeFileSync(join(folder, UNFINISHED), "");
};

/**
 * Locks the folder of an embedded database for this process until the result is disposed: two processes on one folder lose acknowledged
 * writes without an error. The lock is SQLite's, since Node can't lock files; the lock ends with the process (docs/adr/0004-folder-lock.md).
 * @throws StartupError when another process has the lock, or the folder can't be used; the files in the folder are then unchanged.
 */
export const lockDataFolder = (folder: string): DataFolder => {
  using(folder, () => assertUsable(folder));
  using(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  const lock = lockFile(folder);
  try {
    return using(folder, () => {
      assertUsable(folder);
      writeFileSync(join(folder, OWNER), `${process.pid}\n`);
      const secretKey = readKey(join(folder, KEY));
      prepare(folder);
      return {
        secretKey,
        opened: () => rmSync(join(folder, UNFINISHED), { force: true }),
        [Symbol.dispose]: () => lock.close(),
      };
    });
  } catch (error) {
    lock.close();
    throw error;
  }
};
