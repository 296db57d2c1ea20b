import assert from "node:assert/strict";
import { create, type DescMethodUnary, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Bench, Prepared } from "../bench.ts";
import { watchCacheUse } from "../cache-use.ts";
import { frame, type LoadOptions, type LoadResult, type Target } from "../load/load.ts";
import { readMetrics } from "../metrics.ts";
import { rawCall } from "../raw-call.ts";
import { type Side, watched } from "../rounds.ts";
import type { Userd } from "../service.ts";
import { startBareServer } from "../yardsticks/bare.ts";

/** Connections, and calls in flight on each. */
export type Shape = Pick<Target, "connections" | "streams">;

/** Load on userd; afterwards userd itself must have counted as many OKs: h2load takes gRPC errors for success. */
export const userdSide =
  (userd: Userd, run: (options: LoadOptions) => Promise<LoadResult>, path: string): Side =>
  async (options) => {
    const before = await readMetrics(userd);
    const result = await watched(userd.pid, run)(options);
    const ok = (await readMetrics(userd)).answered(path) - before.answered(path);
    if (ok < result.calls) throw new Error(`${path}: of ${result.calls} calls userd answered only ${ok} with OK.`);
    return result;
  };

/** A read with its check, and how the load on it is made. */
export type Read<M extends DescMethodUnary> = {
  readonly method: M;
  readonly shape: Shape;
  /** Sent in turn by our own client; h2load sends the first only. */
  readonly requests: readonly MessageInitShape<M["input"]>[];
  readonly check: (response: MessageShape<M["output"]>) => void;
};

/** Calls the read once, checks the answer, and makes the target of its load. */
export const targetOf = async <M extends DescMethodUnary>(
  { grpcAddress }: Userd,
  { method, shape, requests, check }: Read<M>,
): Promise<{ readonly target: Target; readonly first: Uint8Array; readonly answer: Buffer }> => {
  const path = `/${method.parent.typeName}/${method.name}`;
  const bodies = requests.map((request) => toBinary<M["input"]>(method.input, create<M["input"]>(method.input, request)));
  const [first] = bodies;
  assert(first !== undefined);
  const answer = await rawCall(grpcAddress, path, first);
  check(fromBinary<M["output"]>(method.output, answer));
  return { target: { address: grpcAddress, path, ...shape, bodies: bodies.map((bytes) => ({ bytes: frame(bytes) })) }, first, answer };
};

/**
 * A read against a bare server (grpc-js unless another one is given) that answers what userd answered: the same bytes, on
 * the same core, under the same load. Unless it is `uncached`, userd's side measures hits: each user is read far more often
 * than the staleness bound ends.
 */
export const prepareRead = async <M extends DescMethodUnary>(
  { service, pins, load }: Bench,
  read: Read<M>,
  { startBare = startBareServer, uncached = false } = {},
): Promise<Prepared> => {
  const { target, first, answer } = await targetOf(service, read);
  const { path, connections, streams } = target;
  const bare = await startBare(path, answer, pins);
  assert.deepEqual(await rawCall(bare.address, path, first), answer, "the bare server answers other bytes");

  const userd = userdSide(service, (options) => load.run(target, options), path);
  const watchedUse = uncached ? undefined : watchCacheUse(service, userd, "hits");
  return {
    userd: watchedUse?.side ?? userd,
    yardstick: watched(bare.pid, (options) => load.run({ ...target, address: bare.address }, options)),
    load: `${connections} × ${streams} calls in flight by ${load.name}`,
    ...(watchedUse && { details: () => ({ hit_share: watchedUse.hitShare() }) }),
    [Symbol.asyncDispose]: () => bare[Symbol.asyncDispose](),
  };
};
