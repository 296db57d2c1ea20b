import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = "src/schema/migrations";

const git = (...args: readonly string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();

const migrationsAmong = (names: readonly string[]): readonly string[] => names.filter((name) => /^\d+-.*\.ts$/.test(name));

/** The latest commit that has fewer migrations, and none that has got another name since; undefined without one, or without history. */
const commitBefore = (): string | undefined => {
  const now = migrationsAmong(readdirSync(join(root, folder)));
  try {
    const commits = git("rev-list", "--full-history", "HEAD", "--", folder).split("\n");
    return commits.find((commit) => {
      const then = migrationsAmong(git("ls-tree", "--name-only", `${commit}:${folder}`).split("\n"));
      return then.length > 0 && then.length < now.length && then.every((name) => now.includes(name));
    });
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
