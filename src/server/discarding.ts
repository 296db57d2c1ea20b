import { constants, type ServerHttp2Stream } from "node:http2";

/** The most bytes of an answered request that are read and thrown away, twice the largest message: clients that respect limits never send as much. */
const MAX_DISCARDED = 8 * 1024 * 1024;

const discarded = Symbol("discarded");
type Counting = ServerHttp2Stream & { [discarded]?: number };

function countDiscarded(this: Counting, chunk: Uint8Array): void {
  const bytes = (this[discarded] ?? 0) + chunk.length;
  this[discarded] = bytes;
  // The answer has gone: RFC 9113, 8.1, has the client keep it.
  if (bytes > MAX_DISCARDED) this.close(constants.NGHTTP2_NO_ERROR);
}

/**
 * Throws away what still comes of a request that was answered before it had arrived, since a client may read only when it has sent everything. One
 * that goes on behind 8 MiB loses the stream, and keeps the answer.
 */
export const discardRest = (stream: ServerHttp2Stream): void => {
  stream.on("data", countDiscarded);
};
