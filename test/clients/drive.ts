import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { historyOf } from "../../clients/conformance/history.ts";
import { toolPath } from "../foreign/tools.ts";

/** A driver of a near cache, as clients/conformance/README.md describes it. */
export type Driver = AsyncDisposable & { readonly run: (commands: readonly object[]) => Promise<readonly unknown[]> };

/** Starts a driver. */
export const startDriver = (command: string, args: readonly string[], cwd: string): Driver => {
  const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, PATH: toolPath } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    run: async (commands) => {
      child.stdin.write(`${JSON.stringify(commands)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command} ${args.join(" ")} has ended.`);
      return JSON.parse(value) as readonly unknown[];
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve(undefined)));
    },
  };
};

/** What histories showed: how many reads were hits, which were wrong, and all answers. */
export type Outcome = {
  readonly reads: number;
  readonly hits: number;
  readonly wrong: readonly string[];
  readonly answers: readonly string[];
};

/** Tells a driver histories, by their seeds, and checks its answers. */
export const checkHistories = async (driver: Driver, seeds: Iterable<number>): Promise<Outcome> => {
  let [count, hits] = [0, 0];
  const wrong: string[] = [];
  const answers: string[] = [];
  for (const seed of seeds) {
    const { commands, reads } = historyOf(seed);
    const answered = await driver.run(commands);
    answers.push(JSON.stringify(answered));
    for (const { index, key, allowed } of reads) {
      const value = answered[index];
      count += 1;
      if (value === null) continue;
      hits += 1;
      if (!allowed.has(String(value))) wrong.push(`seed ${seed}, command ${index}: ${key} is ${value}, not ${[...allowed].join(" or ")}`);
    }
  }
  return { reads: count, hits, wrong, answers };
};
