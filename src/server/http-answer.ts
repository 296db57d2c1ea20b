import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { detailTypes } from "../status.ts";
import type { HttpRequest } from "./http-body.ts";

/** Returns the media type, without parameters, of a request of gRPC or gRPC-Web by its headers; undefined for any other request. */
export const grpcTypeOf = (headers: IncomingHttpHeaders): string | undefined =>
  /^application\/grpc(-web(-text)?)?(\+\w+)?(?=$|[ ;])/i.exec(headers["content-type"] ?? "")?.[0];

/** Sends an answer of headers alone. Over HTTP/2 they end the stream, and so gRPC takes them for trailers. */
const sendHeaders = (response: ServerResponse, status: number, headers: Headers): void => {
  response.statusCode = status;
  for (const [name, value] of headers) response.setHeader(name, value);
  response.end();
};

/** Answers a request with plain text for people to read; `status` is the HTTP status. */
export const sendText = (
  response: ServerResponse,
  status: number,
  text: string | Uint8Array,
  headers: Record<string, string> = {},
): void => {
  const length = Buffer.byteLength(text);
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    ...headers,
    "content-length": length,
    "cache-control": "no-store",
  });
  response.end(text);
};

/** Sends an error as JSON, in answer to a request that reaches no RPC; `status` is the HTTP status. */
export const sendError = (response: ServerResponse, status: number, error: ConnectError): void => {
  const body = errorToJsonBytes(error, { registry: detailTypes });
  response.writeHead(status, { "content-type": "application/json", "content-length": body.byteLength });
  response.end(body);
};

/**
 * Sends an error in headers alone (Trailers-Only), in answer to a gRPC or gRPC-Web request that reaches no RPC; `type` is the media type of
 * the request.
 */
export const sendGrpcError = (response: ServerResponse, type: string, error: ConnectError): void => {
  const headers = setTrailerStatus(new Headers({ "content-type": type }), error);
  // A client of gRPC-Web looks for the end in the body, if it has one.
  sendHeaders(response, 200, headers);
};

/** The headers that connect itself writes. If there is any other one, a client of gRPC has to see it as a header, not as a trailer. */
const ofProtocol = new Set(["content-type", "grpc-encoding", "grpc-accept-encoding"]);

/**
 * Sends the answer that connect has made to a request. The returned promise rejects when the answer can't be written, but may stay pending
 * forever after the answer was sent.
 */
export const sendAnswer = async (answer: UniversalServerResponse, request: HttpRequest, response: ServerResponse): Promise<void> => {
  const { status, header = new Headers(), trailer } = answer;
  const type = grpcTypeOf(request.headers);
  // Connect names the codec even if the client did not.
  if (type !== undefined && header.has("content-type")) header.set("content-type", type);
  // The first message, if there is one, has been made by now: a status that is no longer OK comes without any.
  const isFailure = trailer !== undefined && trailer.get("grpc-status") !== "0";
  if (isFailure && [...header.keys()].every((name) => ofProtocol.has(name))) {
    for (const [name, value] of trailer) header.append(name, value);
    return sendHeaders(response, status, header);
  }
  // Mostly never resolves: connect waits for an event that responses don't have.
  await universalResponseToNodeResponse({ ...answer, header }, response);
};
