import { once } from "node:events";
import type { Writable } from "node:stream";
import type { Message } from "@bufbuild/protobuf";
import type { Codec } from "../rpc.ts";
import type { Invocation } from "./invocation.ts";

/** Follows a promise until the call ends. A race against one promise of the end would keep a reaction per message. */
const untilEnd = <T>(signal: AbortSignal, pending: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) return end();
    signal.addEventListener("abort", end, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });

/**
 * Yields the messages of a request stream. A message is read, decoded and checked only when the operation asks for it, so that a fast client
 * has to wait.
 */
export async function* receive(
  invocation: Invocation,
  source: AsyncIterable<unknown>,
  check: (received: unknown) => Message,
): AsyncGenerator<Message, void, undefined> {
  const messages = source[Symbol.asyncIterator]();
  const signal = invocation.signal;
  for (;;) {
    const next = await untilEnd(signal, messages.next());
    if (next.done) return;
    invocation.alive();
    yield check(next.value);
  }
}

const send = async (outlet: Writable, bytes: unknown, signal: AbortSignal): Promise<void> => {
  if (!outlet.write(bytes)) await once(outlet, "drain", { signal });
};

/**
 * Sends the responses of an operation to the client, as fast as the client takes them. If the call ends early, the operation stops making
 * responses.
 */
export const sendAll = async (invocation: Invocation, responses: AsyncIterable<object>, encode: Codec["encode"]): Promise<void> => {
  const { outlet } = invocation;
  if (outlet === undefined) throw new Error("The transport of a stream has an outlet.");
  const signal = invocation.signal;
  for await (const response of responses) {
    signal.throwIfAborted();
    await send(outlet, encode(response), signal);
    invocation.alive();
  }
};
