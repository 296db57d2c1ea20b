import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { type LockFile, missingEntries, unhashed } from "../../scripts/complete-lockfile.ts";
import { root } from "../foreign/tools.ts";

const lock: LockFile = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

test("npm ci finds every package in the lock file (node scripts/complete-lockfile.ts)", () => {
  expect([...missingEntries(lock).keys()]).toEqual([]);
});

test("each package in the lock file has a hash, those of other platforms too", () => {
  expect(unhashed(lock)).toEqual([]);
});

test("npm runs no package's scripts", () => {
  expect(readFileSync(join(root, ".npmrc"), "utf8").split("\n")).toContain("ignore-scripts=true");
});

test("updates are proposed when a version is a week old", () => {
  type Update = { readonly "package-ecosystem": string; readonly cooldown?: { readonly "default-days": number } };
  const { updates }: { updates: readonly Update[] } = parse(readFileSync(join(root, ".github/dependabot.yml"), "utf8"));
  const ofPackages = updates.filter(({ "package-ecosystem": kind }) => ["npm", "gomod", "pip", "cargo"].includes(kind));
  expect(ofPackages.length).toBe(5);
  expect(ofPackages.filter(({ cooldown }) => (cooldown?.["default-days"] ?? 0) < 7)).toEqual([]);
});
