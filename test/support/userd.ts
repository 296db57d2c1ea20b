import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ListenAddress } from "../../src/settings.ts";
import { noteLoggedReasons } from "./answered-reasons.ts";
import { testTransport } from "./transport.ts";

/** The program, as npm installs it. */
export const program = fileURLToPath(new URL("../../bin/userd.js", import.meta.url));

/** A secret key for services over PostgreSQL. */
export const SECRET_KEY = Buffer.alloc(32, 7).toString("base64");

/** How a process ended, and what it said. */
export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** userd in a process of its own; it is killed when disposed. */
export type Userd = AsyncDisposable & {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far. */
  readonly output: () => Pick<Ended, "stdout" | "stderr">;
  /** The lines that it has logged so far; with `LOG_LEVEL=error` the causes of what it has answered with INTERNAL. */
  readonly logged: () => readonly string[];
};

/** The settings that a process of ours sees: none of the machine's own, free ports, no waiting at the end. */
const environment = (settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  GRPC_LISTEN: "127.0.0.1:0",
  GRPC_TRANSPORT: testTransport,
  HTTP_LISTEN: "127.0.0.1:0",
  DRAIN_SECONDS: "0",
  // Whatever the cores: what a test sees is one process, unless it asks for more.
  WORKERS: "1",
  SECRET_KEY,
  ...settings,
});

/** What a process is started with. */
export type UserdOptions = {
  readonly settings?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly node?: string;
  /** The program of another checkout. Default: that of this one. */
  readonly of?: string | undefined;
};

/** Starts `userd …`. */
export const startUserd = (
  args: readonly string[],
  { settings = {}, input = "", node = process.execPath, of = program }: UserdOptions = {},
): Userd => {
  const child = spawn(node, [of, ...args], { env: environment(settings), stdio: "pipe" });
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) child[stream].setEncoding("utf8").on("data", (text) => (said[stream] += text));
  child.stdin.on("error", () => {}).end(input);
  const ended = once(child, "close").then(([code, signal]): Ended => {
    noteLoggedReasons(said.stderr);
    return { code, signal, ...said };
  });
  return {
    process: child,
    ended,
    output: () => ({ ...said }),
    logged: () => said.stderr.split("\n").filter((line) => line !== ""),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
};

/** Runs `userd …` to its end. */
export const runUserd = (args: readonly string[], options?: UserdOptions): Promise<Ended> => startUserd(args, options).ended;

/** A service in a process of its own. */
export type ServiceProcess = Userd & { readonly grpcAddress: ListenAddress; readonly httpAddress: ListenAddress };

const addressOf = (text = ""): ListenAddress => {
  const { hostname, port } = new URL(`http://${text}`);
  return { host: hostname, port: Number(port) };
};

/** Starts `userd serve` and waits until it says that it is ready. */
export const startService = async (
  settings: NodeJS.ProcessEnv,
  args: readonly string[] = [],
  of?: UserdOptions["of"],
): Promise<ServiceProcess> => {
  const userd = startUserd(["serve", ...args], { settings, of });
  let line: RegExpExecArray | null = null;
  const ready = async () => {
    for (;;) {
      line = /is ready: gRPC on (\S+), HTTP on (\S+)/.exec(userd.output().stdout);
      if (line) return;
      await once(userd.process.stdout ?? userd.process, "data");
    }
  };
  await Promise.race([ready(), userd.ended]);
  if (line === null) throw new Error(`userd did not start:\n${userd.output().stderr}`);
  return { ...userd, grpcAddress: addressOf(line[1]), httpAddress: addressOf(line[2]) };
};

/** A new folder, removed when disposed. */
export const temporaryFolder = async (): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(tmpdir(), "userd-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
};
