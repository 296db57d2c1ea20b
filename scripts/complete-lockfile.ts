/**
 * Adds to package-lock.json what npm leaves out of it: the builds of a package for other platforms (optional
 * dependencies) that npm did not look at when it wrote the lock file. `npm ci` of npm 11 refuses a lock file without them
 * ("Missing: …@ from lock file"), although it would never install them here. Their hashes are asked of the registry, so that
 * no machine installs what nobody has looked at.
 *
 * Run after every `npm install`: node scripts/complete-lockfile.ts
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

type Entry = { version?: string; dev?: boolean; optionalDependencies?: Record<string, string>; [field: string]: unknown };

/** A package-lock.json, as far as it matters here. */
export type LockFile = { packages: Record<string, Entry> };

const platforms = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "sunos", "win32"];
const cpus: Readonly<Record<string, string>> = { armv7: "arm" };

/** The entries that are missing, by their place. */
export const missingEntries = ({ packages }: LockFile): Map<string, Entry> => {
  const missing = new Map<string, Entry>();
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages) continue;
      const [os = "", cpu = "", libc] = name.slice(name.search(new RegExp(`\\b(${platforms.join("|")})-`))).split("-");
      if (!platforms.includes(os) || !/^\d/.test(version))
        throw new Error(`${name}@${version}: neither in the lock file nor a build for a platform`);
      missing.set(`node_modules/${name}`, {
        version,
        cpu: [cpus[cpu] ?? cpu],
        ...(dev && { dev }),
        ...(libc !== undefined && { libc: [libc] }),
        optional: true,
        os: [os],
      });
    }
  }
  return missing;
};

/** The places of the packages in a lock file without a hash. */
export const unhashed = ({ packages }: LockFile): readonly string[] =>
  Object.entries(packages).flatMap(([path, { integrity }]) => (path === "" || integrity !== undefined ? [] : [path]));

/** The hash that the registry has of a package. */
const integrityOf = (path: string, { version }: Entry): string => {
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  return execFileSync("npm", ["view", `${name}@${version}`, "dist.integrity"], { encoding: "utf8" }).trim();
};

if (import.meta.main) {
  const path = new URL("../package-lock.json", import.meta.url);
  const lock: LockFile = JSON.parse(readFileSync(path, "utf8"));
  const missing = missingEntries(lock);
  const [root, ...rest] = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) });
  // npm keeps them in this order.
  rest.sort(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries([...(root ? [root] : []), ...rest]);
  for (const [at, entry] of unhashed(lock).map((one) => [one, lock.packages[one] ?? {}] as const))
    entry["integrity"] = integrityOf(at, entry);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`Added: ${[...missing.keys()].join(", ") || "nothing"}.\n`);
}
