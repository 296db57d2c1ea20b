import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The SHA-256 of a token, as a callers' file has it. */
export const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Writes a callers' file, JSON unless it is text, into a folder of its own, and returns its path. */
export const writeCallersFile = (content: unknown): string => {
  const path = join(mkdtempSync(join(tmpdir(), "userd-tokens-")), "tokens.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

/** Puts another file in the place of a callers' file, as programs that write safely do. */
export const replaceCallersFile = (path: string, content: unknown): void => {
  writeFileSync(`${path}.new`, typeof content === "string" ? content : JSON.stringify(content));
  renameSync(`${path}.new`, path);
};

/** The options of a call with a token. */
export const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
