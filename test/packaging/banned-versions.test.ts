import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LockFile } from "../../scripts/complete-lockfile.ts";
import { root } from "../foreign/tools.ts";

/** Versions that must never come back, by package → version → why. A version is listed exactly: it is one release that is bad. */
const banned: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  keyv: { "6.0.0": "malicious" },
};

/** Every banned version in a lock file, wherever it is nested and whatever it is called there. */
const bannedIn = ({ packages }: LockFile): string[] =>
  Object.entries(packages).flatMap(([path, entry]) => {
    const name = typeof entry["name"] === "string" ? entry["name"] : path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const { version = "" } = entry;
    const reason = Object.hasOwn(banned, name) ? banned[name]?.[version] : undefined;
    return reason === undefined ? [] : [`${name}@${version}: ${reason}`];
  });

describe("banned versions of packages", () => {
  test("none is in the lock file", () => {
    expect(bannedIn(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")))).toEqual([]);
  });

  test.for([
    ["at the top", { "node_modules/keyv": { version: "6.0.0" } }],
    ["of a package of a package", { "node_modules/a": { version: "1.0.0" }, "node_modules/a/node_modules/keyv": { version: "6.0.0" } }],
    ["under another name", { "node_modules/cache": { name: "keyv", version: "6.0.0" } }],
  ] as const)("one is found %s", ([, packages]) => {
    expect(bannedIn({ packages: { "": { version: "0.1.0" }, ...packages } })).toEqual(["keyv@6.0.0: malicious"]);
  });

  test("other versions and other packages are not", () => {
    expect(bannedIn({ packages: { "node_modules/keyv": { version: "5.6.0" }, "node_modules/@keyv/redis": { version: "6.0.0" } } })).toEqual(
      [],
    );
  });
});
