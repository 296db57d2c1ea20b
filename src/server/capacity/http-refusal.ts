import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Code } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { detailTypes } from "../../status.ts";
import { isPlainGrpc } from "../browsers.ts";
import { toConnectError } from "../connect-errors.ts";
import { grpcTypeOf } from "../http-answer.ts";
import type { HttpRequest } from "../http-body.ts";
import { answerAtOnce } from "./gate.ts";
import type { Refusal } from "./refusal.ts";

/** A refusal as the HTTP port sends it: in the protocol of Connect, and in gRPC and gRPC-Web by headers alone. */
type Prepared = {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
  readonly grpcHeaders: OutgoingHttpHeaders;
  /** What a stream of plain gRPC is answered with, by its content type. */
  readonly grpcAnswers: ReadonlyMap<string, OutgoingHttpHeaders>;
};

const preparedOf = new WeakMap<Refusal, Prepared>();

/** The content types of nearly all calls of gRPC. */
const usualTypes = ["application/grpc", "application/grpc+proto"] as const;

const prepare = (refusal: Refusal): Prepared => {
  const { status, error: cause } = refusal;
  const error = toConnectError(status);
  const body = errorToJsonBytes(error, { registry: detailTypes });
  const retryAfter: OutgoingHttpHeaders =
    cause.retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(cause.retryAfterMs / 1_000)) };
  const grpcHeaders: OutgoingHttpHeaders = Object.fromEntries(setTrailerStatus(new Headers(), error));
  const prepared: Prepared = {
    status: codeToHttpStatus(status.code as number as Code),
    headers: { "content-type": "application/json", "content-length": body.byteLength, ...retryAfter, ...status.trailers },
    body,
    grpcHeaders,
    grpcAnswers: new Map(usualTypes.map((type) => [type, { ":status": 200, "content-type": type, ...grpcHeaders }])),
  };
  preparedOf.set(refusal, prepared);
  return prepared;
};

/** Tells whether a request can be refused by its headers: Connect's streams carry their errors in the body. */
export const canRefuse = (headers: IncomingHttpHeaders): boolean => !/^application\/connect\+/i.test(headers["content-type"] ?? "");

/** Answers a request with a refusal, in the protocol of the request. */
export const sendRefusal = (request: HttpRequest, response: ServerResponse, refusal: Refusal): void => {
  const { status, headers, body, grpcHeaders } = preparedOf.get(refusal) ?? prepare(refusal);
  const type = grpcTypeOf(request.headers);
  if (type !== undefined) response.writeHead(200, { "content-type": type, ...grpcHeaders }).end();
  else response.writeHead(status, headers).end(body);
};

/**
 * Answers a stream with a refusal before Node makes a request and a response of it, which cost more than all else. `further` are headers that the
 * answers to browsers have.
 */
export const refuseStream = (
  stream: ServerHttp2Stream,
  refusal: Refusal,
  asked: IncomingHttpHeaders,
  further: OutgoingHttpHeaders,
): void => {
  const { status, headers, body, grpcHeaders, grpcAnswers } = preparedOf.get(refusal) ?? prepare(refusal);
  const usual = grpcAnswers.get(asked["content-type"] ?? "");
  const type = usual === undefined ? grpcTypeOf(asked) : undefined;
  if (usual !== undefined) answerAtOnce(stream, usual);
  else if (type === undefined) answerAtOnce(stream, { ":status": status, ...further, ...headers }, body);
  else answerAtOnce(stream, { ":status": 200, "content-type": type, ...(isPlainGrpc(asked) ? {} : further), ...grpcHeaders });
};
