import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root, temporaryFolder, toolPath } from "../../test/foreign/tools.ts";
import { pinned } from "../cpus.ts";
import { buildGo } from "../go.ts";
import type { Side } from "../rounds.ts";

/** A program of the client in Go that makes load: a line says which side and for how long, its answer has the calls and the seconds. */
type GoProgram = AsyncDisposable & {
  readonly side: (name: string) => Side;
  /** The third figure of its answers, added up over all rounds. */
  readonly misses: () => number;
};

/** Builds a program of the client in Go, and starts it on some cores, of which it uses one at a time. */
export const startGoProgram = async (name: string, args: readonly string[], cpus: string | undefined): Promise<GoProgram> => {
  await using stack = new AsyncDisposableStack();
  const program = await buildGo(join(root, "clients/go"), name, stack.use(await temporaryFolder()).path);
  const [command = "", ...rest] = pinned(cpus, [program, ...args]);
  const env = { ...process.env, PATH: toolPath, GOMAXPROCS: "1" };
  const child = stack.adopt(spawn(command, rest, { env, stdio: ["pipe", "pipe", "inherit"] }), (one) => void one.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done) throw new Error("the bench in Go has ended early");
    return value;
  };
  await nextLine();
  let misses = 0;
  const running = stack.move();
  return {
    side: (side) => async (options) => {
      child.stdin.write(`${side} ${options.seconds}\n`);
      const [calls = 0, elapsed = Number.NaN, missed = 0] = (await nextLine()).split(" ").map(Number);
      misses += missed;
      return { calls, callsPerSecond: calls / elapsed };
    },
    misses: () => misses,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
