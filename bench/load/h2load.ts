import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../child.ts";
import { type Latency, type LoadGenerator, type LoadOptions, type LoadResult, quantile, warmUpMs } from "./load.ts";

/** Whether h2load (nghttp2-client) is installed. */
export const hasH2load = (): boolean => {
  try {
    execFileSync("h2load", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/**
 * What h2load says at its end. "failed" and "errored" count broken streams only, HTTP status codes say nothing of gRPC's.
 * @throws Error when a stream broke, an HTTP status was not 2xx or nothing was answered.
 */
export const parseH2load = (output: string): LoadResult => {
  const rate = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(output)?.[1];
  const counts = /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  if (rate === undefined || counts === null) throw new Error(`h2load said something unknown:\n${output}`);
  const [calls = 0, succeeded = 0, failed = 0, errored = 0, timedOut = 0] = counts.slice(1).map(Number);
  if (calls === 0 || succeeded !== calls || failed + errored + timedOut > 0) throw new Error(`h2load saw failures:\n${output}`);
  return { calls, callsPerSecond: Number(rate) };
};

/** Its log has a line per request: start, HTTP status, microseconds. */
const latencyOf = (log: string): Latency => {
  const milliseconds = log.split("\n").flatMap((line) => (line === "" ? [] : [Number(line.split("\t")[2]) / 1_000]));
  return { p50: quantile(milliseconds, 0.5), p99: quantile(milliseconds, 0.99) };
};

/** Runs h2load with some options on a URL. */
const measure = async (
  options: readonly string[],
  url: string,
  { seconds, latency }: LoadOptions,
  cpus: string | undefined,
): Promise<LoadResult> => {
  const folder = await mkdtemp(join(tmpdir(), "userd-bench-"));
  try {
    const log = join(folder, "log");
    const always = ["h2load", "--threads=1", `--duration=${Math.round(seconds * 1_000)}ms`, `--warm-up-time=${warmUpMs}ms`];
    const output = await run([...always, ...options, ...(latency ? [`--log-file=${log}`] : []), url], cpus);
    return { ...parseH2load(output), ...(latency && { latency: latencyOf(await readFile(log, "utf8")) }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** h2load: far faster than any server here, but it sends one body only (the first), and takes gRPC errors for success. */
export const createH2load = (cpus: string | undefined): LoadGenerator => ({
  name: "h2load",
  run: async ({ address, path, bodies, connections, streams, headers = {} }, options) => {
    const folder = await mkdtemp(join(tmpdir(), "userd-bench-"));
    try {
      const body = join(folder, "body");
      await writeFile(body, bodies[0]?.bytes ?? "");
      const shape = [`--clients=${connections}`, `--max-concurrent-streams=${streams}`];
      const rate = options.perSecond === undefined ? [] : [`--rps=${Math.ceil(options.perSecond / connections)}`];
      const fields = Object.entries({ "content-type": "application/grpc", te: "trailers", ...headers });
      const call = [...fields.map(([name, text]) => `--header=${name}: ${text}`), `--data=${body}`];
      return await measure([...shape, ...rate, ...call], `http://${address}${path}`, options, cpus);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Sends GETs over HTTP/1.1 with h2load, one at a time on each connection. */
export const loadHttp1 =
  (url: string, connections: number, cpus: string | undefined): ((options: LoadOptions) => Promise<LoadResult>) =>
  (options) =>
    measure(["--h1", `--clients=${connections}`], url, options, cpus);
