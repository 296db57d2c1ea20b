// The client of own.ts, in a process of its own: reads its job from standard input, prints what came of it.
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { json } from "node:stream/consumers";
import { quantile } from "./load.ts";
import type { ClientJob, ClientResult } from "./own.ts";

const job = (await json(process.stdin)) as ClientJob;
const bodies = job.bodies.map(({ base64, stamp }) => ({ bytes: Buffer.from(base64, "base64"), stamp }));
const { length, status: expected = "0" } = job;
const headers = {
  ":method": "POST",
  ":path": job.path,
  "content-type": "application/grpc",
  te: "trailers",
  // Where each call has to be answered, none is to fail because the machine was busy for a second.
  ...(job.countsErrors !== true && { "grpc-timeout": "10S" }),
};

const begin = performance.now() + (length.once ? 0 : length.warmUpMs);
const end = length.once ? Infinity : begin + length.milliseconds;
const latencies: number[] = [];
let sent = 0;
let errors = 0;
// No two rounds start at the same number; it has sixteen digits.
let number = Date.now() * 1_000;

const fail = (what: string): never => {
  process.stderr.write(`${job.path}: ${what}\n`);
  process.exit(1);
};

const nextBody = (): Buffer => {
  const { bytes, stamp } = bodies[sent++ % bodies.length] ?? fail("has no bodies");
  if (stamp === undefined) return bytes;
  const stamped = Buffer.from(bytes);
  number += 1;
  for (const at of stamp.at) {
    if (stamp.as === "double") stamped.writeDoubleLE(number, at);
    else stamped.write(`${number}`, at, "latin1");
  }
  return stamped;
};

const failed = (what: string): void => {
  if (job.countsErrors !== true) fail(what);
  errors += 1;
};

/** One call, then the next one, until the time is over or all is sent. */
const loop = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => {
    const call = () => {
      const startedAt = performance.now();
      if (startedAt >= end || (length.once && sent >= bodies.length)) return resolve();
      const stream = session.request(headers);
      let status: unknown;
      let broken: string | undefined;
      const read = (fields: Record<string, unknown>) => {
        status ??= fields["grpc-status"];
      };
      stream
        .on("response", read)
        .on("trailers", read)
        .on("error", (error) => {
          broken = error.message;
        })
        .resume();
      stream.on("close", () => {
        const now = performance.now();
        if (status !== expected) failed(broken ?? `grpc-status ${status}, stream code ${stream.rstCode ?? constants.NGHTTP2_NO_ERROR}`);
        else if (now >= begin && now < end) latencies.push(now - startedAt);
        call();
      });
      stream.end(nextBody());
    };
    call();
  });

// What happens once the load is warm is somebody else's matter.
if (job.tellsWhenWarm === true) setTimeout(() => process.stdout.write("warm\n"), begin - performance.now());
const startedAt = performance.now();
const sessions = Array.from({ length: job.connections }, () =>
  connect(`${job.ca === undefined ? "http" : "https"}://${job.address}`, job.ca === undefined ? {} : { ca: job.ca }).on("error", (error) =>
    fail(error.message),
  ),
);
await Promise.all(sessions.flatMap((session) => Array.from({ length: job.streams }, () => loop(session))));
for (const session of sessions) session.close();

const milliseconds = length.once ? performance.now() - startedAt : length.milliseconds;
const result: ClientResult = {
  calls: latencies.length,
  callsPerSecond: (latencies.length / milliseconds) * 1_000,
  latency: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
  slowestMs: quantile(latencies, 1),
  slow: latencies.filter((latency) => latency >= job.slowMs).length,
  errors,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
