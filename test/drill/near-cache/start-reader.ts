import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root, runOk, temporaryFolder } from "../../foreign/tools.ts";
import type { Order, Readings } from "./readings.ts";

/** A process that reads through a near cache. */
export type Reader = {
  /** Resolves when its near cache is live. */
  readonly isLive: Promise<void>;
  /** Ends the reading, and returns what was read. */
  readonly stop: () => Promise<Readings>;
};

/** A program that reads, and its arguments. */
export type Program = readonly [command: string, ...args: string[]];

/** The reader in TypeScript. */
export const typescriptReader: Program = [process.execPath, join(root, "test/drill/near-cache/reader.ts")];

/** Generates the messages of the client in Go and compiles the reader; it is gone with the stack. */
export const buildGoReader = async (stack: AsyncDisposableStack): Promise<Program> => {
  const module = join(root, "clients/go");
  const folder = stack.use(await temporaryFolder());
  const program = join(folder.path, "reader");
  const template = join(module, "buf.gen.yaml");
  await runOk("buf", ["generate", "proto", "--path", "proto/userd/v1", "--template", template, "--output", module]);
  await runOk("go", ["build", "-mod=readonly", "-o", program, "./nearcache/drill"], { cwd: module });
  return [program];
};

/** Starts a reader. */
export const startReader = ([command, ...args]: Program, order: Order, stack: AsyncDisposableStack): Reader => {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  stack.defer(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} has ended.`);
    return value;
  };
  child.stdin.on("error", () => {}).write(`${JSON.stringify(order)}\n`);
  const isLive = next().then(() => {});
  isLive.catch(() => {});
  return {
    isLive,
    stop: async () => {
      child.stdin.end("stop\n");
      await isLive;
      return JSON.parse(await next()) as Readings;
    },
  };
};
