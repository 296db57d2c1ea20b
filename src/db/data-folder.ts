import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartupError } from "./startup-error.ts";

/** An embedded database's folder, held by this process alone. */
export type DataFolder = {
  /** The key kept beside the data; made at the first start. */
  readonly secretKey: Uint8Array;
  readonly [Symbol.dispose]: () => void;
};

const LOCK = "userd.lock";
const OWNER = "userd.pid";
const KEY = "userd.key";

/**
 * Takes the folder for this process until disposed.
 *
 * Two processes on one folder lose acknowledged writes without an error, so the lock has to be the operating system's:
 * it ends with the process, whatever ends the process. Node has no file lock of its own; SQLite, which it carries, has
 * (docs/adr/0004-folder-lock.md).
 * @throws StartupError when another process has it, or the folder can't be used.
 */
export const lockDataFolder = (folder: string): DataFolder => {
  const path = (name: string) => join(folder, name);
  let lock: DatabaseSync;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(path(LOCK), { timeout: 0 });
  } catch (error) {
    throw new StartupError(`The data folder ${folder} can't be used: ${(error as Error).message}.`, { cause: error });
  }
  try {
    lock.exec("pragma locking_mode = exclusive; begin exclusive");
  } catch (error) {
    lock.close();
    const owner = existsSync(path(OWNER)) ? readFileSync(path(OWNER), "utf8").trim() : "unknown";
    throw new StartupError(`The data folder ${folder} is in use by process ${owner}. Stop that process, or use another DATABASE_URL.`, {
      cause: error,
    });
  }
  writeFileSync(path(OWNER), `${process.pid}\n`);
  if (!existsSync(path(KEY))) writeFileSync(path(KEY), `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  chmodSync(path(KEY), 0o600);
  const secretKey = Buffer.from(readFileSync(path(KEY), "utf8").trim(), "base64");
  if (secretKey.length !== 32) {
    lock.close();
    throw new StartupError(`The key in ${path(KEY)} is damaged: it has to be 32 bytes in base64. Restore it from a backup.`);
  }
  return { secretKey, [Symbol.dispose]: () => lock.close() };
};
