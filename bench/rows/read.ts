import assert from "node:assert/strict";
import { create, type DescMethodUnary, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Bench, Prepared } from "../bench.ts";
import { frame, type LoadOptions, type LoadResult, type Target } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { type Side, watched } from "../rounds.ts";
import { answeredCalls } from "../service.ts";
import { startBareServer } from "../yardsticks/bare.ts";

/** Connections, and calls in flight on each. */
export type Shape = Pick<Target, "connections" | "streams">;

/** Load on userd; afterwards userd itself must have counted as many OKs: h2load takes gRPC errors for success. */
export const userdSide =
  ({ service }: Bench, run: (options: LoadOptions) => Promise<LoadResult>, path: string): Side =>
  async (options) => {
    const before = await answeredCalls(service, path);
    const result = await watched(service.pid, run)(options);
    const ok = (await answeredCalls(service, path)) - before;
    if (ok < result.calls) throw new Error(`${path}: of ${result.calls} calls userd answered only ${ok} with OK.`);
    return result;
  };

/**
 * A read against a bare grpc-js server that answers what userd answered: the same bytes, on the same core, under the
 * same load.
 */
export const prepareRead = async <M extends DescMethodUnary>(
  bench: Bench,
  method: M,
  shape: Shape,
  requests: readonly MessageInitShape<M["input"]>[],
  check: (response: MessageShape<M["output"]>) => void,
): Promise<Prepared> => {
  const path = `/${method.parent.typeName}/${method.name}`;
  const bodies = requests.map((request) => toBinary<M["input"]>(method.input, create<M["input"]>(method.input, request)));
  const [first] = bodies;
  assert(first !== undefined);
  const answer = await rawCall(bench.service.grpcAddress, path, first);
  check(fromBinary<M["output"]>(method.output, answer));
  const bare = await startBareServer(path, answer, bench.pins);
  assert.deepEqual(await rawCall(bare.address, path, first), answer, "the bare server answers other bytes");

  const { load } = bench;
  const target = { path, ...shape, bodies: bodies.map((bytes) => ({ bytes: frame(bytes) })) } satisfies Omit<Target, "address">;
  return {
    userd: userdSide(bench, (options) => load.run({ ...target, address: bench.service.grpcAddress }, options), path),
    yardstick: watched(bare.pid, (options) => load.run({ ...target, address: bare.address }, options)),
    load: `${shape.connections} × ${shape.streams} calls in flight by ${load.name}`,
    [Symbol.asyncDispose]: () => bare[Symbol.asyncDispose](),
  };
};
