import { setTimeout as delay } from "node:timers/promises";
import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type ClientStreamRequest,
  ClientStreamRequestSchema,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  type IdempotentUnaryRequest,
  IdempotentUnaryRequestSchema,
  type ServerStreamRequest,
  ServerStreamRequestSchema,
  type UnaryRequest,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from "./gen/connectrpc/conformance/v1/service_pb.ts";
import type { SimpleRequest, StreamingInputCallRequest, StreamingOutputCallRequest } from "./gen/grpc/testing/test_pb.ts";
import type { Wire } from "./wire.ts";

/** An error with any code and any details, which no operation of the service could throw. */
export class ForeignError extends Error {
  override readonly name = "ForeignError";
  readonly code: number;
  readonly details: readonly Any[];

  constructor(code: number, message = "", details: readonly Any[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

const requestInfo = (wire: Wire, requests: readonly Any[]): ConformancePayload_RequestInfo =>
  create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: wire.requestHeaders,
    ...(wire.timeoutMs !== undefined && { timeoutMs: wire.timeoutMs }),
    requests: [...requests],
    ...(wire.query !== undefined && { connectGetInfo: { queryParams: wire.query } }),
  });

const answerOnce = async (wire: Wire, definition: UnaryResponseDefinition | undefined, requests: readonly Any[]) => {
  const info = requestInfo(wire, requests);
  if (definition === undefined) return { payload: { requestInfo: info } };
  wire.sendHeaders(definition.responseHeaders);
  wire.setTrailers(definition.responseTrailers);
  await delay(definition.responseDelayMs);
  const { response } = definition;
  if (response.case === "error") {
    const { code, message, details } = response.value;
    throw new ForeignError(code, message, [...details, anyPack(ConformancePayload_RequestInfoSchema, info)]);
  }
  return { payload: { requestInfo: info, ...(response.case === "responseData" && { data: response.value }) } };
};

const once =
  <D extends DescMessage>(schema: D) =>
  (wire: Wire, request: MessageShape<D> & (UnaryRequest | IdempotentUnaryRequest)): Promise<object> =>
    answerOnce(wire, request.responseDefinition, [anyPack(schema, request)]);

const serverStream = async function* (wire: Wire, request: ServerStreamRequest): AsyncGenerator<object> {
  const definition = request.responseDefinition;
  if (definition === undefined) return;
  wire.sendHeaders(definition.responseHeaders);
  wire.setTrailers(definition.responseTrailers);
  let info: ConformancePayload_RequestInfo | undefined = requestInfo(wire, [anyPack(ServerStreamRequestSchema, request)]);
  for (const data of definition.responseData) {
    await delay(definition.responseDelayMs);
    yield { payload: { data, ...(info !== undefined && { requestInfo: info }) } };
    info = undefined;
  }
  if (definition.error === undefined) return;
  const { code, message, details } = definition.error;
  const own = info === undefined ? [] : [anyPack(ConformancePayload_RequestInfoSchema, info)];
  throw new ForeignError(code, message, [...details, ...own]);
};

const clientStream = async (wire: Wire, messages: AsyncIterable<Message>): Promise<object> => {
  const requests: ClientStreamRequest[] = [];
  for await (const message of messages) requests.push(message as ClientStreamRequest);
  const received = requests.map((request) => anyPack(ClientStreamRequestSchema, request));
  return answerOnce(wire, requests[0]?.responseDefinition, received);
};

const zeros = (size: number) => ({ body: new Uint8Array(size) });

const refuseIfAsked = (status: SimpleRequest["responseStatus"]): void => {
  if (status !== undefined && status.code !== 0) throw new ForeignError(status.code, status.message);
};

const streamingOutput = async function* (_: Wire, request: StreamingOutputCallRequest): AsyncGenerator<object> {
  for (const { size, intervalUs } of request.responseParameters) {
    await delay(intervalUs / 1000);
    yield { payload: zeros(size) };
  }
  refuseIfAsked(request.responseStatus);
};

const streamingInput = async (_: Wire, messages: AsyncIterable<Message>): Promise<object> => {
  let aggregatedPayloadSize = 0;
  for await (const message of messages) aggregatedPayloadSize += (message as StreamingInputCallRequest).payload?.body.length ?? 0;
  return { aggregatedPayloadSize };
};

const never = async (_: Wire, messages: AsyncIterable<Message>): Promise<object> => {
  for await (const _message of messages);
  return new Promise(() => {});
};

/** What answers an RPC of the two suites, whatever listens. */
export type WireOperation = (wire: Wire, request: never) => Promise<object> | AsyncIterable<object>;

/** The RPCs of Connect's ConformanceService and of gRPC's TestService, by their local names. Streams in both directions are left out. */
export const wireOperations: Readonly<Record<string, WireOperation>> = {
  unary: once(UnaryRequestSchema),
  idempotentUnary: once(IdempotentUnaryRequestSchema),
  serverStream,
  clientStream,
  unimplemented: async () => {
    throw new ForeignError(12, "not implemented");
  },
  emptyCall: async () => ({}),
  unaryCall: async (_, request: SimpleRequest) => {
    refuseIfAsked(request.responseStatus);
    return { payload: zeros(request.responseSize) };
  },
  streamingOutputCall: streamingOutput,
  streamingInputCall: streamingInput,
  fullDuplexCall: never,
};
