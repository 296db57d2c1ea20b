import type { ServerResponse } from "node:http";
import { constants } from "node:http2";
import type { HttpRequest } from "./http-body.ts";

/** The time for which an answer may wait for its client beyond the deadline of the call, in milliseconds. */
const graceMs = 5_000;

/** Ends a response that the client has not taken 5 s after `deadline` (milliseconds since the epoch), or 5 s from now if that is later. */
export const limitUnread = (request: HttpRequest, response: ServerResponse, deadline: number): void => {
  const outgoing = "stream" in request ? request.stream : response;
  const end = () => void ("stream" in request ? request.stream.close(constants.NGHTTP2_CANCEL) : response.destroy());
  const timer = setTimeout(end, Math.max(0, deadline - Date.now()) + graceMs).unref();
  outgoing.once("close", () => clearTimeout(timer));
};
