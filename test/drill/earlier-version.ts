import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = "src/schema/migrations";

const git = (...args: readonly string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();

/** The commit before the one that brought the newest migration; undefined when there is no earlier migration, or no history. */
const commitBefore = (): string | undefined => {
  const names = readdirSync(join(root, folder))
    .filter((name) => /^\d+-.*\.ts$/.test(name))
    .sort();
  const newest = names.at(-1);
  if (newest === undefined || names.length < 2) return undefined;
  try {
    const [added] = git("log", "--diff-filter=A", "--format=%H", "--", `${folder}/${newest}`).split("\n");
    return added ? git("rev-parse", `${added}^`) : undefined;
  } catch {
    return undefined;
  }
};

/** Says why there is no version from before the newest migration here; undefined = there is one. */
export const lacksEarlierVersion = (): string | undefined =>
  commitBefore() === undefined ? "there is no version with fewer migrations in the history of this checkout" : undefined;

/** Checks out the version from before the newest migration into a folder that is removed with the stack, and returns its program. */
export const checkOutEarlierVersion = (stack: AsyncDisposableStack): string => {
  const commit = commitBefore();
  if (commit === undefined) throw new Error("There is no earlier version.");
  const path = mkdtempSync(join(tmpdir(), "userd-before-"));
  stack.defer(() => rmSync(path, { recursive: true, force: true }));
  const archive = join(path, "before.tar");
  git("archive", "--output", archive, commit);
  execFileSync("tar", ["-xf", archive, "-C", path]);
  symlinkSync(join(root, "node_modules"), join(path, "node_modules"));
  return join(path, "bin", "userd.js");
};
