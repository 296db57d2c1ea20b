import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/** A port that is free now. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
};

/** A process that runs, and all that it printed so far. */
export type Running = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when it printed this; rejects when it ended before. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
};

/** Starts a process, in a process group of its own. */
export const start = (
  [command = "", ...args]: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number },
): Running => {
  const child = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output);
        if (match) resolve(match);
      };
      for (const stream of [child.stdout, child.stderr]) stream.on("data", look);
      ended.then((code) => reject(new Error(`ended with ${code} before it printed ${pattern}:\n${output}`)), reject);
      look();
    });
  const dispose = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await ended.catch(() => {});
  };
  return { child, output: () => output, printed, ended, [Symbol.asyncDispose]: dispose };
};
