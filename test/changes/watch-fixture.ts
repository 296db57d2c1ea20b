import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type { Change, WatchChangesRequestSchema, WatchChangesResponse } from "../../src/gen/userd/v1/change_pb.ts";
import type { Clients } from "../support/clients.ts";

/** An open stream of changes, of which a test takes messages. */
export type Watch = AsyncDisposable & {
  /** The next message. */
  readonly message: () => Promise<WatchChangesResponse>;
  /** The changes of the next messages, until there are so many. */
  readonly changes: (count: number) => Promise<Change[]>;
  /** The changes up to a bookmark that vouches for a time after now. */
  readonly settled: () => Promise<Change[]>;
  /** Reads to the end, which has to be an error, and returns it. */
  readonly end: () => Promise<never>;
};

/** The request of a stream, as a literal. */
type WatchRequest = Extract<MessageInitShape<typeof WatchChangesRequestSchema>, { readonly $typeName?: never }>;

/** Opens a stream of changes; `options` are those of the call. */
export const watch = ({ changes: client }: Pick<Clients, "changes">, request: WatchRequest = {}, options: CallOptions = {}): Watch => {
  const stop = new AbortController();
  const stream = client.watchChanges(
    { bookmarkInterval: { nanos: 200_000_000 }, ...request },
    { signal: stop.signal, timeoutMs: 60_000, ...options },
  );
  const messages = stream[Symbol.asyncIterator]();
  const message = async () => {
    const { value, done } = await messages.next();
    if (done) throw new Error("the stream has ended without an error");
    return value;
  };
  return {
    message,
    changes: async (count) => {
      const changes: Change[] = [];
      while (changes.length < count) changes.push(...(await message()).changes);
      return changes;
    },
    settled: async () => {
      const { time } = await client.getFeedPosition({}, options);
      const changes: Change[] = [];
      for (;;) {
        const { changes: some, bookmark } = await message();
        changes.push(...some);
        const at = bookmark?.time;
        if (
          at !== undefined &&
          time !== undefined &&
          (at.seconds > time.seconds || (at.seconds === time.seconds && at.nanos >= time.nanos))
        )
          return changes;
      }
    },
    end: async () => {
      for (;;) await message();
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await messages.next().catch(() => {});
    },
  };
};
