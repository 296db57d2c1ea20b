import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Certificate, NearCacheProtocol } from "./protocol.ts";

/** An answer of the service, and what it rests on; undefined = it is not to be kept. */
export type Answer<A> = { readonly answer: A; readonly certificate: Certificate | undefined };

/** A function that asks the service; `isStrong` asks for the latest state. */
export type Ask<A> = (isStrong: boolean) => Promise<Answer<A>>;

/** The reads that go through the near cache. */
export type Reader = {
  /** Asks the service for what is not kept under a key, and keeps it. Reads that come meanwhile share one call. */
  readonly fetch: <D extends DescMessage>(key: string, schema: D, ask: Ask<MessageShape<D>>) => Promise<MessageShape<D>>;
  /** Lets no later read share a call that began before now, since an own write was answered. */
  readonly detach: () => void;
};

/** The memory that an entry takes beside its message, and per byte of it, in bytes. */
const ENTRY_BYTES = 600;
const BYTES_PER_BYTE = 6;

/** Freezes a message with all in it: whoever reads it shares it with others. */
const freeze = (value: unknown): void => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member);
};

/** Makes a `Reader` over a protocol. */
export const createReader = (protocol: NearCacheProtocol, clock: () => number): Reader => {
  const flights = new Map<string, Promise<Answer<unknown>>>();

  const run = async <D extends DescMessage>(key: string, schema: D, ask: Ask<MessageShape<D>>): Promise<Answer<MessageShape<D>>> => {
    for (const isStrong of [false, true]) {
      const fetch = protocol.began();
      const found = await ask(isStrong);
      if (found.certificate === undefined) return found;
      freeze(found.answer);
      const bytes = toBinary(schema, found.answer).length * BYTES_PER_BYTE + key.length * 2 + ENTRY_BYTES;
      // An answer that the feed has outdated meanwhile would take the reader back.
      if (protocol.offer(fetch, key, found.answer, bytes, found.certificate) !== "outdated" || isStrong) return found;
    }
    throw new Error("unreachable");
  };

  const begin = <D extends DescMessage>(key: string, schema: D, ask: Ask<MessageShape<D>>): Promise<Answer<MessageShape<D>>> => {
    const flight = run(key, schema, ask).finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    flights.set(key, flight);
    return flight;
  };

  return {
    fetch: async <D extends DescMessage>(key: string, schema: D, ask: Ask<MessageShape<D>>): Promise<MessageShape<D>> => {
      const began = clock();
      const open = flights.get(key) as Promise<Answer<MessageShape<D>>> | undefined;
      if (open === undefined) return (await begin(key, schema, ask)).answer;
      const { answer, certificate } = await open;
      // The call began before this read: its answer may be older than this read can take.
      if (certificate !== undefined && protocol.serves(certificate, began)) return answer;
      return (await run(key, schema, ask)).answer;
    },
    detach: () => flights.clear(),
  };
};
