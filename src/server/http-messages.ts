import { Code, ConnectError } from "@connectrpc/connect";
import { tooMany } from "./bodies.ts";
import { holdsTooManyMessages, lookFromBytes } from "./message-count.ts";
import type { Rpc } from "./rpc.ts";

/** The bytes in front of each message of gRPC and gRPC-Web: a flag for compression, and the length. */
const envelopeBytes = 5;

/**
 * Passes on the body of a request with one message, after a look at a large one: connect would decode it however many messages it holds. What is
 * compressed is looked at when it has been inflated, and JSON by its reader.
 */
export const withFewMessages = async function* (
  chunks: AsyncIterable<Uint8Array>,
  { method, kind, maxRequestBytes }: Rpc,
  contentType: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const isGrpc = /^application\/grpc/i.test(contentType);
  if (kind === "client_streaming" || /json/i.test(contentType)) return yield* chunks;
  const held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    size += chunk.byteLength;
    // Connect refuses it.
    if (size > maxRequestBytes + envelopeBytes) return yield* held;
  }
  const body = held.length === 1 ? (held[0] ?? new Uint8Array()) : Buffer.concat(held, size);
  const isCompressed = isGrpc && body[0] !== 0;
  if (size >= lookFromBytes && !isCompressed && holdsTooManyMessages(method.input, isGrpc ? body.subarray(envelopeBytes) : body)) {
    throw new ConnectError("too many messages", Code.ResourceExhausted, undefined, undefined, tooMany());
  }
  yield body;
};
