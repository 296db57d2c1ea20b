import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createClient } from "@keyv/redis";
import type { KeyPair } from "./certificates.ts";
import { freePort } from "./postgres.ts";

/** Whether this machine has a Redis server; without one the tests that need it say that they were skipped. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

/** A private Redis that can be made to fail. */
export type TestRedis = AsyncDisposable & {
  readonly url: string;
  /** Stops answering, with all connections open (SIGSTOP); false goes on. */
  readonly hang: (on: boolean) => void;
  /** Ends at once; what it held is gone. */
  readonly kill: () => Promise<void>;
  /** Starts again on the same port, empty. */
  readonly start: () => Promise<void>;
  /** Forgets everything. */
  readonly flush: () => Promise<void>;
  /** Loses every message between its clients from now on: nobody may use a channel. What is stored stays. */
  readonly mute: () => Promise<void>;
  /** Everything that it holds: keys and values. */
  readonly contents: () => Promise<readonly (readonly [key: string, value: string])[]>;
};

/** Starts one; with files of TLS it speaks that alone. */
export const startRedis = async (tls?: KeyPair & { readonly ca: string }): Promise<TestRedis> => {
  const port = await freePort();
  const url = `${tls === undefined ? "redis" : "rediss"}://127.0.0.1:${port}`;
  const listening =
    tls === undefined
      ? ["--port", String(port)]
      : ["--port", "0", "--tls-port", String(port), "--tls-cert-file", tls.cert, "--tls-key-file", tls.key, "--tls-ca-cert-file", tls.ca];
  let server: ChildProcess | undefined;

  const withClient = async <T>(work: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> => {
    const client = createClient({ url, socket: tls === undefined ? {} : { tls: true, rejectUnauthorized: false } });
    client.on("error", () => {});
    await client.connect();
    try {
      return await work(client as ReturnType<typeof createClient>);
    } finally {
      client.destroy();
    }
  };
  const start = async (): Promise<void> => {
    const child = spawn("redis-server", [
      ...listening,
      "--tls-auth-clients",
      "no",
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
    ]);
    server = child;
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    for await (const text of child.stdout.setEncoding("utf8")) if (String(text).includes("Ready to accept connections")) break;
    child.stdout.resume();
  };
  const kill = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    server.kill("SIGCONT");
    server.kill("SIGKILL");
    await gone;
  };
  await start();
  return {
    url,
    hang: (on) => void server?.kill(on ? "SIGSTOP" : "SIGCONT"),
    kill,
    start,
    flush: () => withClient(async (client) => void (await client.sendCommand(["FLUSHALL"]))),
    mute: () => withClient(async (client) => void (await client.sendCommand(["ACL", "SETUSER", "default", "resetchannels"]))),
    contents: () =>
      withClient(async (client) => {
        const keys = (await client.sendCommand(["KEYS", "*"])) as unknown as string[];
        return Promise.all(keys.map(async (key) => [key, String(await client.sendCommand(["GET", key]))] as const));
      }),
    [Symbol.asyncDispose]: kill,
  };
};
