import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";
import { discardRest } from "./discarding.ts";
import type { HttpRequest } from "./http-body.ts";

/** The time for which a client may go on sending after its answer, in milliseconds: that of nginx, `lingering_timeout`. */
const lingerMs = 5_000;

/** The requests that were answered before their whole body had arrived. */
export type Lingering = {
  /** Discards the rest of a request once it has been answered. Call it before anything reads the request or answers it. */
  readonly watch: (request: HttpRequest, response: ServerResponse) => void;
  /** Ends all these requests, so that a drain does not wait for clients that still send. */
  readonly endAll: () => void;
};

/**
 * Makes a `Lingering`: a client may send the rest of an answered request for up to 5 s, before the stream or connection is ended. Many clients
 * read only when they have sent everything, and would otherwise lose the answer.
 */
export const createLingering = (): Lingering => {
  const ends = new Set<() => void>();

  const linger = (request: HttpRequest, arrived: () => void): void => {
    const stream = "stream" in request ? request.stream : undefined;
    const forget = () => {
      clearTimeout(timer);
      ends.delete(end);
    };
    // A request that has arrived is not always closed, and its connection may be at the next one by then.
    const end = () => {
      forget();
      if (request.complete) return;
      if (stream === undefined) request.destroy();
      else stream.close(constants.NGHTTP2_NO_ERROR);
    };
    const timer = setTimeout(end, lingerMs).unref();
    ends.add(end);
    request.once("close", forget).once("end", () => {
      forget();
      arrived();
    });
    // Later than whoever reads it has let go of it: Node forgets a resumption that comes between.
    setImmediate(() => {
      if (stream !== undefined) discardRest(stream);
      request.resume();
    });
  };

  const watchStream = (request: Http2ServerRequest): void => {
    // Node resets a stream whose body nobody has begun to read by the time of the answer, and a GET has one too.
    request.stream.read(0);
    // Node's response says so only when the stream has closed, which is what this is to bring about.
    request.stream.once("finish", () => {
      if (!request.complete) linger(request, () => {});
    });
  };

  const watchConnection = (request: IncomingMessage, response: ServerResponse): void => {
    // Node closes such a connection behind the answer, whatever is still on its way: the client would see a reset.
    const isLast = !response.shouldKeepAlive;
    if (isLast) response.shouldKeepAlive = true;
    const close = () => void (isLast && request.socket.end());
    response.once("finish", () => {
      if (request.complete) close();
      else linger(request, close);
    });
  };

  return {
    watch: (request, response) => {
      if ("stream" in request) watchStream(request);
      else watchConnection(request, response);
    },
    endAll: () => {
      for (const end of ends) end();
    },
  };
};
