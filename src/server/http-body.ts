import type { IncomingMessage } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";

/** A request over HTTP/1.1 or HTTP/2. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/**
 * The body of a request, given up at the deadline (milliseconds since the epoch): connect itself waits for a body that
 * stalls for as long as the connection lasts. The request is not destroyed, since on HTTP/1.1 the answer would go with it.
 */
export async function* readBody(request: HttpRequest, deadline: number): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  const timer = setTimeout(
    () => late.reject(new ConnectError("the request did not arrive in time", Code.DeadlineExceeded)),
    deadline - Date.now(),
  );
  // A stream's deadline is a day away: nobody who waits for it may keep a process that has drained.
  timer.unref();
  try {
    for (;;) {
      const chunk = await Promise.race([chunks.next(), late.promise]);
      if (chunk.done) return;
      yield chunk.value;
    }
  } finally {
    clearTimeout(timer);
    // Not awaited: a read that still waits for the client would hold it up.
    void chunks.return?.();
  }
}

/** How long a client may go on sending after its answer, in milliseconds; that of nginx, `lingering_timeout`. */
const lingerMs = 5_000;

/**
 * Lets go of what the client still sends after its answer: over HTTP/1.1 many clients read only when they have sent all,
 * and over HTTP/2 the stream ends. Node does neither once a part of the body has been read. Who never comes to an end loses
 * the connection, which would keep a process from draining otherwise.
 */
export const discardRest = (request: HttpRequest): void => {
  if (request.complete) return;
  if ("stream" in request) {
    request.stream.close(constants.NGHTTP2_NO_ERROR);
    return;
  }
  request.resume();
  // A request that has arrived is not always closed, and its connection may be at the next one by then.
  setTimeout(() => !request.complete && request.destroy(), lingerMs).unref();
};
