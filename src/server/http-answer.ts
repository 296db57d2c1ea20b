import type { ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { detailTypes } from "../status.ts";
import type { HttpRequest } from "./http-body.ts";

/** The media type of a request of gRPC or gRPC-Web, without parameters; undefined for any other request. */
export const grpcTypeOf = (request: HttpRequest): string | undefined =>
  /^application\/grpc(-web(-text)?)?(\+\w+)?(?=$|[ ;])/i.exec(request.headers["content-type"] ?? "")?.[0];

/** Sends an answer of headers alone; over HTTP/2 they end the stream, which is how gRPC knows them for trailers. */
const sendHeaders = (response: ServerResponse, status: number, headers: Headers): void => {
  response.statusCode = status;
  for (const [name, value] of headers) response.setHeader(name, value);
  response.end();
};

/** Sends a text for people as the answer. */
export const sendText = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void => {
  const length = Buffer.byteLength(text);
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    ...headers,
    "content-length": length,
    "cache-control": "no-store",
  });
  response.end(text);
};

/** Answers a request that reaches no RPC with an error in JSON, and with `status` as the status of HTTP. */
export const sendError = (response: ServerResponse, status: number, error: ConnectError): void => {
  const body = errorToJsonBytes(error, { registry: detailTypes });
  response.writeHead(status, { "content-type": "application/json", "content-length": body.byteLength });
  response.end(body);
};

/**
 * Answers a request of gRPC or gRPC-Web that reaches no RPC with an error. It is sent in headers that count as trailers; `type`
 * is the request's media type.
 */
export const sendGrpcError = (response: ServerResponse, type: string, error: ConnectError): void => {
  const headers = setTrailerStatus(new Headers({ "content-type": type }), error);
  // A client of gRPC-Web looks for the end in the body, if it has one.
  sendHeaders(response, 200, headers);
};

/** The headers that connect itself writes; a client of gRPC has to see any other one as a header. */
const ofProtocol = new Set(["content-type", "grpc-encoding", "grpc-accept-encoding"]);

/**
 * Sends the answer that connect has made. The promise rejects when the answer can't be written. After most answers it never
 * settles: connect waits for an event that responses don't have.
 */
export const sendAnswer = async (answer: UniversalServerResponse, request: HttpRequest, response: ServerResponse): Promise<void> => {
  const { status, header = new Headers(), trailer } = answer;
  const type = grpcTypeOf(request);
  // Connect names the codec even if the client did not.
  if (type !== undefined && header.has("content-type")) header.set("content-type", type);
  // The first message, if there is one, has been made by now: a status that is no longer OK comes without any.
  const isFailure = trailer !== undefined && trailer.get("grpc-status") !== "0";
  if (isFailure && [...header.keys()].every((name) => ofProtocol.has(name))) {
    for (const [name, value] of trailer) header.append(name, value);
    return sendHeaders(response, status, header);
  }
  await universalResponseToNodeResponse({ ...answer, header }, response);
};
