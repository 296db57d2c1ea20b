import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type LockFile, missingEntries, unhashed } from "../../scripts/complete-lockfile.ts";
import { root } from "../foreign/tools.ts";

const lock: LockFile = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

test("npm ci finds every package in the lock file (node scripts/complete-lockfile.ts)", () => {
  expect([...missingEntries(lock).keys()]).toEqual([]);
});

test("each package in the lock file has a hash, those of other platforms too", () => {
  expect(unhashed(lock)).toEqual([]);
});

test("npm runs no package's scripts, and takes no version that is younger than a week", () => {
  const settings = readFileSync(join(root, ".npmrc"), "utf8").split("\n");
  expect(settings).toEqual(expect.arrayContaining(["ignore-scripts=true", "min-release-age=7"]));
});
