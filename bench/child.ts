import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { pinned } from "./cpus.ts";

/** How a child process is started. */
type ProgramOptions = {
  /** The cores that it may run on, as `taskset -c` takes them; undefined = any. */
  readonly cpus: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** What it reads from standard input, as JSON. */
  readonly job?: unknown;
};

/** How a script of ours is started. */
export type ChildOptions = ProgramOptions & {
  /** Before the script. */
  readonly nodeFlags?: readonly string[];
};

/** A child process that speaks in lines. */
export type Child = AsyncDisposable & {
  /** Of the program itself: `taskset` becomes the program that it starts. */
  readonly pid: number;
  /** @throws Error with the end of its standard error when it says nothing more. */
  readonly nextLine: () => Promise<string>;
};

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const impatient = setTimeout(() => child.kill("SIGKILL"), 5_000);
  child.kill("SIGTERM");
  await gone;
  clearTimeout(impatient);
};

/** Starts a program. */
export const startProgram = (command: readonly string[], { cpus, env = {}, job }: ProgramOptions): Child => {
  const [program = "", ...rest] = pinned(cpus, command);
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  // The bench may end in the middle; nothing that it started outlives it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const spawned = new Promise<never>((_, reject) => child.once("error", reject));
  spawned.catch(() => {});
  child.stdin.on("error", () => {});
  child.stdin.end(job === undefined ? "" : JSON.stringify(job));

  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    nextLine: async () => {
      const { done, value } = await Promise.race([lines.next(), spawned]);
      if (done) throw new Error(`${command.join(" ")} ended early.\n${complaint}`);
      return value;
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
};

/** Starts a Node script of ours, on the same Node. */
export const startNode = (script: string, args: readonly string[], { nodeFlags = [], ...options }: ChildOptions): Child =>
  startProgram([process.execPath, ...nodeFlags, script, ...args], options);

/** Runs a script of ours to its end: one job in, one line of JSON out. */
export const runNode = async <T>(script: string, options: ChildOptions): Promise<T> => {
  await using child = startNode(script, [], options);
  return JSON.parse(await child.nextLine()) as T;
};

/** Runs a program to its end and returns what it printed. */
export const run = async (command: readonly string[], cpus: string | undefined): Promise<string> => {
  const [program = "", ...rest] = pinned(cpus, command);
  return (await promisify(execFile)(program, rest, { maxBuffer: 64 * 1024 * 1024 })).stdout;
};

/** Linux counts CPU time in hundredths of a second. */
const ticksPerSecond = 100;

/** Those that a process has started, as `--workers` does; none where the kernel does not tell. */
const childrenOf = (pid: number): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  } catch {
    return [];
  }
};

/** The CPU time that a process and its children have used, in seconds; undefined where there is no /proc. */
export const cpuSeconds = (pid: number): number | undefined => {
  try {
    const ticks = [pid, ...childrenOf(pid)].map((each) => {
      const fields = readFileSync(`/proc/${each}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return Number(fields[11]) + Number(fields[12]);
    });
    return ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond;
  } catch {
    return undefined;
  }
};

/** The memory of a process that is resident now, and the most that ever was, in MB; undefined where there is no /proc. */
export const residentMb = (pid: number): { readonly now: number; readonly peak: number } | undefined => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) / 1_024;
    return { now: megabytes("VmRSS"), peak: megabytes("VmHWM") };
  } catch {
    return undefined;
  }
};
