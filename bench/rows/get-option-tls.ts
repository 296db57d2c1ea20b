import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createAuthority } from "../../test/support/certificates.ts";
import type { Row } from "../bench.ts";
import { frame, type Target } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { watched } from "../rounds.ts";
import { startBareServer } from "../yardsticks/bare.ts";
import { readOption } from "./get-option.ts";

/** Enough to keep a server busy, and too few to fill it on a busy machine: our own client takes a refusal for a failure. */
const shape = { connections: 4, streams: 4 };

const WARM_UP_CALLS = 10_000;

/** GetOption on a hit over TLS: both sides speak it, so the ratio says what userd's way of doing so costs. */
export const getOptionTls: Row = {
  name: "get_option_tls",
  yardstick: "bare grpc-js over TLS, same bytes",
  goal: { atLeast: 0.8 },
  valuesPerCall: 1,
  prepare: async (bench) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.adopt(await mkdtemp(join(tmpdir(), "userd-bench-tls-")), (path) => rm(path, { recursive: true }));
    const authority = await createAuthority(folder);
    const { cert, key } = await authority.issue("server");
    const ca = await readFile(authority.ca, "utf8");
    const pem = { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
    const userd = stack.use(await bench.service.startAnother({ settings: { TLS_CERT: cert, TLS_KEY: key } }));

    const { method, requests, check } = readOption(bench, shape);
    const path = `/${method.parent.typeName}/${method.name}`;
    // One user, as in the rows with h2load: on a slow machine the others would be read too seldom to stay hits.
    const first = toBinary(method.input, create(method.input, requests[0]));
    const answer = await rawCall(userd.grpcAddress, path, first, ca);
    check(fromBinary(method.output, answer));
    const bare = stack.use(await startBareServer(path, answer, bench.pins, pem));
    const target: Omit<Target, "address"> = { path, ca, ...shape, bodies: [{ bytes: frame(first) }] };
    // Both are new processes: a cold one takes three times the CPU of a warm one, for tens of thousands of calls.
    const many = Array.from(
      { length: WARM_UP_CALLS },
      (_, index) => target.bodies[index % target.bodies.length] ?? { bytes: frame(first) },
    );
    for (const address of [userd.grpcAddress, bare.address]) await bench.varying.sendAll({ ...target, address, bodies: many });
    const running = stack.move();
    return {
      userd: watched(userd.pid, (options) => bench.varying.run({ ...target, address: userd.grpcAddress }, options)),
      yardstick: watched(bare.pid, (options) => bench.varying.run({ ...target, address: bare.address }, options)),
      load: `${shape.connections} × ${shape.streams} calls in flight by ${bench.varying.name}`,
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
