import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Bodies } from "./bodies.ts";

/** A request over HTTP/1.1 or HTTP/2. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** The body of a request; its chunks of bytes can be read only once. */
export type RequestBody = {
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
  /** Ends the chunks, also for a reader that waits for one. Bytes that still arrive are left for others to read. */
  readonly letGo: () => void;
  /** Gives back the room that the chunks so far have taken. */
  readonly giveBack: () => void;
};

/** Tells whether the client left before it had sent the whole body. Over HTTP/2 Node ends such a body as if it were complete. */
const isCut = (request: HttpRequest): boolean => ("stream" in request ? request.aborted : request.destroyed && !request.complete);

/**
 * Opens the body of a request, to be read once. Reading fails at `deadline` (milliseconds since the epoch), and when there is no room for the
 * bytes, but the request stays open, so that it can be answered.
 */
export const openBody = (request: HttpRequest, deadline: number, bodies: Bodies): RequestBody => {
  let taken = 0;
  const take = (bytes: number): void => {
    try {
      bodies.take(bytes);
      taken += bytes;
    } catch (error) {
      throw new ConnectError("there is no room for the request", Code.ResourceExhausted, undefined, undefined, error);
    }
  };
  let late = false;
  let released = false;
  let wake = () => {};
  const look = () => wake();
  const events = ["readable", "end", "close", "error", "aborted"] as const;
  for (const event of events) request.on(event, look);
  const lateTimer = setTimeout(
    () => {
      late = true;
      look();
    },
    Math.max(0, deadline - Date.now()),
  );
  // A stream's deadline is a day away: nobody who waits for it may keep a process that has drained.
  lateTimer.unref();

  const read = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (released) return;
      if (late) throw new ConnectError("the request did not arrive in time", Code.DeadlineExceeded);
      const chunk: Uint8Array | null = request.read();
      if (chunk !== null) {
        take(chunk.length);
        yield chunk;
        continue;
      }
      if (isCut(request)) throw new ConnectError("the client went away before it had sent all", Code.Canceled);
      if (request.readableEnded) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };

  return {
    chunks: read(),
    giveBack: () => {
      bodies.give(taken);
      taken = 0;
    },
    letGo: () => {
      released = true;
      clearTimeout(lateTimer);
      look();
      // An error that nobody listens to would end the process.
      for (const event of events) if (event !== "error") request.off(event, look);
    },
  };
};
