import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";

/** An RPC that answers with a stream, as a client of Connect has it. */
type Streaming = (request: unknown, options?: CallOptions) => AsyncIterable<unknown>;

/** Ends the call when its reader leaves the stream. Connect's own iterators can't be left: stream and deadline would stay behind a `break`. */
const leavable =
  (call: Streaming): Streaming =>
  (request, options) => {
    const left = new AbortController();
    const signal = options?.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
    const messages = call(request, { ...options, signal })[Symbol.asyncIterator]();
    const leave = async () => {
      left.abort();
      // Connect stops the timer of the deadline when the next message is asked for.
      await messages.next().catch(() => {});
      return { done: true, value: undefined } as const;
    };
    return { [Symbol.asyncIterator]: () => ({ next: () => messages.next(), return: leave }) };
  };

/** Makes a client of a service, whose streams of responses end when their reader leaves them. */
export const clientOf = <S extends DescService>(service: S, transport: Transport): Client<S> => {
  const client = createClient(service, transport);
  const streams = service.methods
    .filter(({ methodKind }) => methodKind === "server_streaming")
    .map(({ localName }) => [localName, leavable((client as Record<string, unknown>)[localName] as Streaming)]);
  return { ...client, ...Object.fromEntries(streams) };
};
