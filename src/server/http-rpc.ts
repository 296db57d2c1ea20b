import { isUtf8 } from "node:buffer";
import type { ServerResponse } from "node:http";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import type { Bodies } from "./bodies.ts";
import { type ConnectRpc, withHttpCall } from "./connect-adapter.ts";
import { invalidRequest, unknownRpc } from "./connect-errors.ts";
import { grpcTypeOf, sendAnswer, sendError, sendGrpcError, sendText } from "./http-answer.ts";
import { type HttpRequest, openBody } from "./http-body.ts";
import { withFewMessages } from "./http-messages.ts";
import { takeTimeout } from "./http-timeout.ts";
import { limitUnread } from "./http-unread.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import { requestPatienceMs } from "./rpc.ts";

/** Tells whether the authority of a request fits into a URL. Connect makes one of it, and its error would end the process. */
const hasUsableAuthority = (request: HttpRequest): boolean => {
  const authority = "authority" in request ? request.authority : request.headers.host;
  return authority !== undefined && URL.canParse(request.url ?? "", `http://${authority}`);
};

/** Tells whether the bytes that a query encodes are UTF-8. URLs put another character in place of bytes that are not. */
const isText = (query: string): boolean => {
  const bytes = query.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return !/[^\0-\x7f]/.test(query) && isUtf8(Buffer.from(bytes, "latin1"));
};

/** The fault of the message of a GET, as a sentence; undefined = none. Connect answers a message that is not base64 with INTERNAL. */
const queryFault = (request: HttpRequest): string | undefined => {
  const [, query = ""] = request.url?.split("?", 2) ?? [];
  if (!isText(query)) return "The query is not UTF-8 in percent-encoding.";
  const parameters = new URLSearchParams(query);
  if (parameters.get("base64") !== "1") return undefined;
  try {
    base64Decode(parameters.get("message") ?? "");
    return undefined;
  } catch {
    return "The message in the query is not base64.";
  }
};

/**
 * Answers with a text that says what to send instead, where connect gives only a status of HTTP: 405 for a wrong method, 415 for a wrong
 * content type. Clients of all protocols make a code of that status.
 */
const explainRefusal = ({ rpc, handle }: ConnectRpc, status: number, request: HttpRequest, response: ServerResponse): void => {
  if (status === 405) {
    const allow = handle.allowedMethods.join(", ");
    sendText(response, status, `${rpc.name} is called by ${allow}.\n`, { allow });
  } else if (request.method === "GET") {
    sendText(response, status, "A GET needs the query parameters encoding, which is json or proto, and message.\n");
  } else {
    const [json, proto] =
      rpc.kind === "unary" ? ["application/json", "application/proto"] : ["application/connect+json", "application/connect+proto"];
    const accepted = [json, proto, "application/grpc", "application/grpc-web"].join(", ");
    const sentence = `${rpc.name} needs the header content-type: ${json} for a body of JSON; it takes ${accepted}.\n`;
    sendText(response, status, sentence, { "accept-post": accepted });
  }
};

/** Answers one HTTP request to an RPC. The returned promise never rejects, whatever the request holds. */
export const serveRpc = async (
  served: ConnectRpc,
  request: HttpRequest,
  response: ServerResponse,
  { log, bodies }: { readonly log: Logger; readonly bodies: Bodies },
): Promise<void> => {
  const { rpc, handle } = served;
  if (!hasUsableAuthority(request)) {
    sendError(response, 400, invalidRequest("The Host of the request is not valid."));
    return;
  }
  const fault = queryFault(request);
  if (fault !== undefined) {
    sendError(response, 400, invalidRequest(fault));
    return;
  }
  // A read by GET is for clients that can send nothing else: the answer depends on the caller and on the moment.
  if (request.method === "GET") response.setHeader("cache-control", "no-store");
  try {
    const call = universalRequestFromNodeRequest(request, response, undefined, undefined);
    // The query says how the message of a GET is written; it has no body that could have a type.
    if (request.method === "GET") call.header.delete("content-type");
    const timeoutMs = Math.min(takeTimeout(call.header) ?? rpc.defaultTimeoutMs, rpc.maxTimeoutMs);
    const now = Date.now();
    const deadline = now + timeoutMs;
    const body = openBody(request, rpc.kind === "client_streaming" ? deadline : Math.min(deadline, now + requestPatienceMs), bodies);
    // Connect stops reading a stream that is refused, and leaves the rest to whoever gave it.
    const outgoing = "stream" in request ? request.stream : response;
    outgoing.once("finish", body.letGo).once("close", body.giveBack);
    const contextValues = withHttpCall({
      connection: "stream" in request ? request.stream.session : request.socket,
      deadline,
      consumed: body.giveBack,
      answered: () => limitUnread(request, response, Date.now()),
    });
    const answer = await handle({ ...call, body: withFewMessages(body.chunks, rpc, request.headers["content-type"] ?? ""), contextValues });
    if (rpc.kind !== "server_streaming") limitUnread(request, response, deadline);
    if (answer.status >= 400 && answer.body === undefined) explainRefusal(served, answer.status, request, response);
    else await sendAnswer(answer, request, response);
  } catch (error) {
    // The client has gone away, or the response could not be written: nobody is left to answer.
    log.debug({ method: rpc.name, err: error }, "response not delivered");
    response.destroy();
  }
};

const isConnectPost = ({ method, headers }: HttpRequest): boolean =>
  method === "POST" && /^application\/(connect\+)?(json|proto)\b/i.test(headers["content-type"] ?? "");

/**
 * Answers a call of an RPC that does not exist with an error, in the protocol of the request. Returns false, and answers nothing, for a
 * request that is neither gRPC, gRPC-Web nor a POST of Connect.
 */
export const refuseUnknownRpc = (request: HttpRequest, response: ServerResponse, context: InterceptorContext): boolean => {
  const type = grpcTypeOf(request.headers);
  if (type !== undefined) sendGrpcError(response, type, unknownRpc(context));
  else if (isConnectPost(request)) sendError(response, 404, unknownRpc(context));
  else return false;
  return true;
};
