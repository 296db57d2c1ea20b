import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system that can be filled. */
export type SmallDisk = {
  readonly path: string;
  /** Writes a file until there is no room. */
  readonly fill: () => Promise<void>;
  /** Removes that file. */
  readonly free: () => void;
};

const CHUNK = Buffer.alloc(64 * 1_024);

/** Mounts a file system in memory of so many megabytes; undefined where this process may not mount one. */
export const mountSmallDisk = (megabytes: number, stack: AsyncDisposableStack): SmallDisk | undefined => {
  const path = mkdtempSync(join(tmpdir(), "userd-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=755`, "tmpfs", path], { stdio: "ignore" });
  } catch {
    rmdirSync(path);
    return undefined;
  }
  stack.defer(() => {
    execFileSync("umount", ["-l", path]);
    rmdirSync(path);
  });
  const ballast = join(path, "ballast");
  return {
    path,
    fill: async () => {
      await using file = await open(ballast, "a");
      try {
        for (;;) await file.write(CHUNK);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    free: () => rmSync(ballast, { force: true }),
  };
};
