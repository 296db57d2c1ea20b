import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Code } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { detailTypes } from "../../status.ts";
import { toConnectError } from "../connect-errors.ts";
import { grpcTypeOf } from "../http-answer.ts";
import type { HttpRequest } from "../http-body.ts";
import type { Refusal } from "./refusal.ts";

/** A refusal as the HTTP port sends it: in the protocol of Connect, and in gRPC and gRPC-Web by headers alone. */
type Prepared = {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
  readonly grpcHeaders: OutgoingHttpHeaders;
};

const preparedOf = new WeakMap<Refusal, Prepared>();

const prepare = (refusal: Refusal): Prepared => {
  const { status, error: cause } = refusal;
  const error = toConnectError(status);
  const body = errorToJsonBytes(error, { registry: detailTypes });
  const retryAfter: OutgoingHttpHeaders =
    cause.retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(cause.retryAfterMs / 1_000)) };
  const prepared: Prepared = {
    status: codeToHttpStatus(status.code as number as Code),
    headers: { "content-type": "application/json", "content-length": body.byteLength, ...retryAfter, ...status.trailers },
    body,
    grpcHeaders: Object.fromEntries(setTrailerStatus(new Headers(), error)),
  };
  preparedOf.set(refusal, prepared);
  return prepared;
};

/** Tells whether a request can be refused by its headers: Connect's streams carry their errors in the body. */
export const canRefuse = (request: HttpRequest): boolean => !/^application\/connect\+/i.test(request.headers["content-type"] ?? "");

/** Answers a request with a refusal, in the protocol of the request. */
export const sendRefusal = (request: HttpRequest, response: ServerResponse, refusal: Refusal): void => {
  const { status, headers, body, grpcHeaders } = preparedOf.get(refusal) ?? prepare(refusal);
  const type = grpcTypeOf(request);
  if (type !== undefined) response.writeHead(200, { "content-type": type, ...grpcHeaders }).end();
  else response.writeHead(status, headers).end(body);
};
