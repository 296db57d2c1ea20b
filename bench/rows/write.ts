import assert from "node:assert/strict";
import { create, type DescMethodUnary, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Bench, Prepared } from "../bench.ts";
import { type Body, frame, type Stamp } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { type Side, watched } from "../rounds.ts";
import { startBareServer } from "../yardsticks/bare.ts";
import { userdSide } from "./read.ts";

/** Connections, and calls in flight on each: userd's default pool, so that every write has a connection of the database. */
export const writeShape = { connections: 4, streams: 5 };

/** Writes in flight over all connections. */
export const writersInFlight = writeShape.connections * writeShape.streams;

/** The number that stands in a request where each call writes one of its own. */
export const stampedNumber = 1234.5678901234567;

/** The digits that stand in a text of a request where each call writes some of its own. */
export const stampedDigits = "4242424242424242";

const placesOf = (wanted: Buffer, bytes: Buffer): number[] => {
  const places: number[] = [];
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + wanted.length)) places.push(at);
  return places;
};

const stampIn = (bytes: Buffer): Stamp | undefined => {
  const number = Buffer.alloc(8);
  number.writeDoubleLE(stampedNumber);
  for (const [as, wanted] of [["double", number] as const, ["digits", Buffer.from(stampedDigits)] as const]) {
    const at = placesOf(wanted, bytes);
    if (at.length > 0) return { at, as };
  }
  return undefined;
};

/** A body that each call changes where `stampedNumber` or `stampedDigits` stand in it. */
export const stampedBody = (message: Uint8Array): Body => {
  const bytes = Buffer.from(frame(message));
  return { bytes, stamp: stampIn(bytes) };
};

/** A write with its check, and the requests that are sent in turn. */
export type Write<M extends DescMethodUnary> = {
  readonly method: M;
  /** Sent once before the load; the load does not send it. */
  readonly first: MessageInitShape<M["input"]>;
  readonly requests: readonly MessageInitShape<M["input"]>[];
  readonly check: (response: MessageShape<M["output"]>) => void;
  /** Takes back what a round has written, before the next one. */
  readonly reset?: () => Promise<void>;
};

/** A write against a bare grpc-js server that answers the same bytes and writes nothing: read the CPU of userd, not the ratio. */
export const prepareWrite = async <M extends DescMethodUnary>(
  { service, pins, varying }: Bench,
  { method, first, requests, check, reset }: Write<M>,
): Promise<Prepared> => {
  const path = `/${method.parent.typeName}/${method.name}`;
  const encode = (request: MessageInitShape<M["input"]>) => toBinary<M["input"]>(method.input, create<M["input"]>(method.input, request));
  const answer = await rawCall(service.grpcAddress, path, encode(first));
  check(fromBinary<M["output"]>(method.output, answer));
  const bare = await startBareServer(path, answer, pins);
  assert.deepEqual(await rawCall(bare.address, path, encode(first)), answer, "the bare server answers other bytes");

  const target = { address: service.grpcAddress, path, ...writeShape, bodies: requests.map((request) => stampedBody(encode(request))) };
  const side = userdSide(service, (options) => varying.run(target, options), path);
  const resetting: Side = async (options) => {
    await reset?.();
    return side(options);
  };
  return {
    userd: resetting,
    yardstick: watched(bare.pid, (options) => varying.run({ ...target, address: bare.address }, options)),
    load: `${writersInFlight} writes in flight by ${varying.name}`,
    [Symbol.asyncDispose]: () => bare[Symbol.asyncDispose](),
  };
};
