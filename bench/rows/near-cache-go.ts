import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root, run, runOk, temporaryFolder, toolPath } from "../../test/foreign/tools.ts";
import type { Row } from "../bench.ts";
import { pinned } from "../cpus.ts";
import type { Side } from "../rounds.ts";

const module = join(root, "clients/go");

/** Builds the bench of the client in Go, with its messages if they are not there, and returns where it is. */
const build = async (folder: string): Promise<string> => {
  const program = join(folder, "bench");
  if (!existsSync(join(module, "gen/userd"))) {
    const template = join(module, "buf.gen.yaml");
    await runOk("buf", ["generate", "proto", "--path", "proto/userd", "--template", template, "--output", module]);
  }
  await runOk("go", ["build", "-mod=readonly", "-o", program, "./nearcache/bench"], { cwd: module });
  return program;
};

const hasGo = (await run("go", ["version"]).catch(() => ({ code: 1 }))).code === 0;

/** Hits of the near cache in Go, on one core, against the least that a program can do. */
export const nearCacheGo: Row = {
  name: "near_cache_go",
  yardstick: "a sync.Map, with a key of the same parts",
  goal: { atLeast: 0.3 },
  valuesPerCall: 1,
  skip: () => (hasGo ? undefined : "there is no go"),
  prepare: async ({ service, pins, seed }) => {
    await using stack = new AsyncDisposableStack();
    const program = await build(stack.use(await temporaryFolder()).path);
    const ids = `[${seed.userIds.join()}]`;
    const [command = "", ...args] = pinned(pins.server, [program, service.grpcAddress, ids]);
    const env = { ...process.env, PATH: toolPath, GOMAXPROCS: "1" };
    const child = stack.adopt(spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] }), (one) => void one.kill());
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const nextLine = async (): Promise<string> => {
      const { done, value } = await lines.next();
      if (done) throw new Error("the bench in Go has ended early");
      return value;
    };
    await nextLine();
    let misses = 0;
    const side =
      (name: string): Side =>
      async ({ seconds }) => {
        child.stdin.write(`${name} ${seconds}\n`);
        const [calls = 0, elapsed = Number.NaN, missed = 0] = (await nextLine()).split(" ").map(Number);
        misses += missed;
        return { calls, callsPerSecond: calls / elapsed };
      };
    const running = stack.move();
    return {
      userd: side("near"),
      yardstick: side("plain"),
      load: "reads in turn by one goroutine, of which each makes its key",
      details: () => ({ misses }),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
