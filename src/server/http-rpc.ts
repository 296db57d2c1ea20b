import { isUtf8 } from "node:buffer";
import type { ServerResponse } from "node:http";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { type ConnectRpc, withDeadline } from "./connect-adapter.ts";
import { unknownRpc, unusableQuery } from "./connect-errors.ts";
import { discardRest, type HttpRequest, readBody } from "./http-body.ts";
import { takeTimeout } from "./http-timeout.ts";

const sendError = (response: ServerResponse, httpStatus: number, error: ConnectError): void => {
  response.writeHead(httpStatus, { "content-type": "application/json" });
  response.end(errorToJsonBytes(error, undefined));
};

/** Connect builds a URL of it and lets the error end the process: https://github.com/connectrpc/connect-es. */
const hasUsableAuthority = (request: HttpRequest): boolean => {
  const authority = "authority" in request ? request.authority : request.headers.host;
  return authority !== undefined && URL.canParse(request.url ?? "", `http://${authority}`);
};

/** Whether what a query names by its bytes is text: URLs put another character where it is not. */
const isText = (query: string): boolean => {
  const bytes = query.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return !/[^\0-\x7f]/.test(query) && isUtf8(Buffer.from(bytes, "latin1"));
};

/** What is wrong with the message of a GET; connect answers one that is not base64 with INTERNAL. */
const queryFault = (request: HttpRequest): ConnectError | undefined => {
  const [, query = ""] = request.url?.split("?", 2) ?? [];
  if (!isText(query)) return unusableQuery("The query is not UTF-8 in percent-encoding.");
  const parameters = new URLSearchParams(query);
  if (parameters.get("base64") !== "1") return undefined;
  try {
    base64Decode(parameters.get("message") ?? "");
    return undefined;
  } catch {
    return unusableQuery("The message in the query is not base64.");
  }
};

/** Answers one request to an RPC; never throws, whatever the request holds. */
export const serveRpc = async ({ rpc, handle }: ConnectRpc, request: HttpRequest, response: ServerResponse, log: Logger): Promise<void> => {
  if (!hasUsableAuthority(request)) {
    return sendError(response, 400, new ConnectError("The Host of the request is not valid.", Code.InvalidArgument));
  }
  const fault = queryFault(request);
  if (fault !== undefined) return sendError(response, 400, fault);
  // A read by GET is for clients that can send nothing else: the answer depends on the caller and on the moment.
  if (request.method === "GET") response.setHeader("cache-control", "no-store");
  try {
    const call = universalRequestFromNodeRequest(request, response, undefined, undefined);
    const timeoutMs = Math.min(takeTimeout(call.header) ?? rpc.defaultTimeoutMs, rpc.maxTimeoutMs);
    const deadline = Date.now() + timeoutMs;
    const body = readBody(request, deadline);
    // Node's response of HTTP/2 says so only when the stream has closed, which is what this is to bring about.
    const outlet = "stream" in request ? request.stream : response;
    outlet.once("finish", () => {
      // Connect stops reading a stream that is refused, and leaves the rest to whoever gave it.
      void body.return();
      discardRest(request);
    });
    const answer = await handle({ ...call, body, contextValues: withDeadline(deadline) });
    // It settles only when the answer can't be written: connect waits for an event that responses don't have.
    await universalResponseToNodeResponse(answer, response);
  } catch (error) {
    // The client has gone away, or the response could not be written: nobody is left to answer.
    log.debug({ method: rpc.name, err: error }, "response not delivered");
    response.destroy();
  }
};

/** Answers a call of an RPC that does not exist, in the protocol of the request. */
export const refuseUnknownRpc = (request: HttpRequest, response: ServerResponse): void => {
  const error = unknownRpc();
  const asked = request.headers["content-type"] ?? "";
  if (!asked.startsWith("application/grpc")) {
    sendError(response, 404, error);
    return;
  }
  const type = asked.startsWith("application/grpc-web") ? "application/grpc-web+proto" : "application/grpc";
  response.writeHead(200, { "content-type": type, "grpc-status": error.code, "grpc-message": error.rawMessage });
  response.end();
};
