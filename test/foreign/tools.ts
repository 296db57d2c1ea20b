import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where scripts/install-ci-tools.sh puts the tools, in their pinned versions. */
const cache = join(root, "node_modules", ".cache", "userd-tools");

const folders = [
  join(cache, "bin"),
  join(cache, "venv", "bin"),
  join(root, "node_modules", ".bin"),
  ...(process.env["PATH"] ?? "").split(delimiter),
  join(homedir(), "go", "bin"),
];

/** PATH with the tools first, for what is run. */
export const toolPath = folders.join(delimiter);

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** A Python that has grpcio is the one of scripts/install-ci-tools.sh. */
export const venvPython = join(cache, "venv", "bin", "python");

/** A Python that has Django, from the same script. */
export const djangoPython = join(cache, "django", "bin", "python");

/** The libraries of the client in Java, from the same script. */
export const javaLibraries = join(cache, "java");

const find = (tool: string): string | undefined =>
  tool.includes("/") ? (isExecutable(tool) ? tool : undefined) : folders.map((folder) => join(folder, tool)).find(isExecutable);

/** Says which of some tools the machine lacks; undefined = none. */
export const lacksTools = (...tools: readonly string[]): string | undefined => {
  const missing = tools.filter((tool) => find(tool) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(", ")}: not installed (scripts/install-ci-tools.sh or .ci/run installs it)`;
};

/**
 * Skips the test, with the reason, when the machine lacks a tool; where tools are required (REQUIRE_TOOLS, as in
 * .ci/run) that is a failure.
 */
export const needTools = (skip: (reason: string) => void, ...tools: string[]): void => {
  const reason = lacksTools(...tools);
  if (reason === undefined) return;
  if (process.env["REQUIRE_TOOLS"]) throw new Error(reason);
  skip(reason);
};

/** How a command ended. */
export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs a command to its end; the service under test runs in this process, so nothing may block it. */
export const run = (
  command: string,
  args: readonly string[],
  { cwd = root, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, PATH: toolPath, ...env }, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(find(command) ?? command, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(error);
      else resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end();
  });

/** Runs a command that has to succeed, and resolves to what it printed. */
export const runOk = async (...call: Parameters<typeof run>): Promise<string> => {
  const { code, stdout, stderr } = await run(...call);
  if (code !== 0) throw new Error(`${call[0]} ${call[1].join(" ")} ended with ${code}:\n${stderr}${stdout}`);
  return stdout;
};

/** Runs a script that has to succeed, in bash, or in the only shell of a machine that has no bash. */
export const runScript = (script: string, options?: Parameters<typeof run>[2]): Promise<string> =>
  find("bash") === undefined ? runOk("sh", ["-euc", script], options) : runOk("bash", ["-euo", "pipefail", "-c", script], options);

/** A folder that is gone when disposed. */
export const temporaryFolder = async (): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(tmpdir(), "userd-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
};
