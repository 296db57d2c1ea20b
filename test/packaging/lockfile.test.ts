import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type LockFile, missingEntries } from "../../scripts/complete-lockfile.ts";
import { root } from "../foreign/tools.ts";

test("npm ci finds every package in the lock file (node scripts/complete-lockfile.ts)", () => {
  const lock: LockFile = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  expect([...missingEntries(lock).keys()]).toEqual([]);
});
