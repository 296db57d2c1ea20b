// The client of own.ts, in a process of its own: reads its job from standard input, prints what came of it.
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { json } from "node:stream/consumers";
import { type LoadResult, quantile } from "./load.ts";
import type { ClientJob } from "./own.ts";

const job = (await json(process.stdin)) as ClientJob;
const bodies = job.bodies.map(({ base64, stampAt }) => ({ bytes: Buffer.from(base64, "base64"), stampAt }));
const headers = { ":method": "POST", ":path": job.path, "content-type": "application/grpc", te: "trailers" };

const begin = performance.now() + job.warmUpMs;
const end = begin + job.milliseconds;
const latencies: number[] = [];
let sent = 0;
// No two rounds start at the same number.
let stamp = Date.now() * 1_000;

const fail = (what: string): never => {
  process.stderr.write(`${job.path}: ${what}\n`);
  process.exit(1);
};

const nextBody = (): Buffer => {
  const { bytes, stampAt } = bodies[sent++ % bodies.length] ?? fail("has no bodies");
  if (stampAt === undefined) return bytes;
  const stamped = Buffer.from(bytes);
  stamped.writeDoubleLE(stamp++, stampAt);
  return stamped;
};

/** One call, then the next one, until the time is over. */
const loop = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => {
    const call = () => {
      const startedAt = performance.now();
      if (startedAt >= end) return resolve();
      const stream = session.request(headers);
      let status: unknown;
      const read = (fields: Record<string, unknown>) => {
        status ??= fields["grpc-status"];
      };
      stream
        .on("response", read)
        .on("trailers", read)
        .on("error", (error) => fail(error.message))
        .resume();
      stream.on("close", () => {
        if (status !== "0") fail(`grpc-status ${status}, stream code ${stream.rstCode ?? constants.NGHTTP2_NO_ERROR}`);
        const now = performance.now();
        if (now >= begin && now < end) latencies.push(now - startedAt);
        call();
      });
      stream.end(nextBody());
    };
    call();
  });

const sessions = Array.from({ length: job.connections }, () =>
  connect(`http://${job.address}`).on("error", (error) => fail(error.message)),
);
await Promise.all(sessions.flatMap((session) => Array.from({ length: job.streams }, () => loop(session))));
for (const session of sessions) session.close();

const result: LoadResult = {
  calls: latencies.length,
  callsPerSecond: (latencies.length / job.milliseconds) * 1_000,
  latency: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
};
process.stdout.write(`${JSON.stringify(result)}\n`);
