import type { ServerHttp2Stream } from "node:http2";
import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type StatusObject,
} from "@grpc/grpc-js";
import type { MaybePromise } from "../call.ts";
import { asBuffer, byteCodec } from "./codec.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { compile } from "./interceptors/index.ts";
import type { Handler, InterceptorContext } from "./interceptors/interceptor.ts";
import { Invocation, type Transport } from "./interceptors/invocation.ts";
import { Code, StatusError } from "./interceptors/status.ts";
import type { Rpc } from "./rpc.ts";

/**
 * Makes a grpc-js method definition that leaves messages as bytes, which userd decodes: grpc-js would answer a malformed message with
 * INTERNAL.
 */
export const rawMethod = (path: string, streams = { requestStream: false, responseStream: false }) =>
  ({
    path,
    ...streams,
    requestSerialize: asBuffer,
    requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
    responseSerialize: asBuffer,
    responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
  }) satisfies MethodDefinition<Uint8Array, Uint8Array>;

const timeOf = (deadline: Date | number): number => (typeof deadline === "number" ? deadline : deadline.getTime());

/** The status to send for an error: the interceptor `errors` throws nothing but a StatusError; anything else is a fault of interceptors. */
const refusalOf = (error: unknown): ServerErrorResponse | Partial<StatusObject> =>
  error instanceof StatusError ? toGrpcStatus(error) : { code: Code.INTERNAL, details: "" };

/** The members that gRPC calls of all kinds have in common. */
type AnyCall = Pick<ServerUnaryCall<Uint8Array, Uint8Array>, "metadata" | "getDeadline"> & {
  once(event: "cancelled", listener: () => void): unknown;
};

/** A call of grpc-js with the HTTP/2 stream under it, which its types keep private; test/server/callers/callers.test.ts holds that it is there. */
type CallWithStream = { readonly call?: { readonly stream?: ServerHttp2Stream } };

const transport: Transport<AnyCall> = {
  header: ({ metadata }, name) => metadata.get(name)[0]?.toString(),
  headers: ({ metadata }, name) => metadata.get(name).join(","),
  connection: (call) => (call as unknown as CallWithStream).call?.stream?.session,
  deadline: (call) => timeOf(call.getDeadline()),
  onCancel: (call, listener) => void call.once("cancelled", listener),
};

/** The trailers of an answer, besides its status; undefined = none. */
const trailersOf = ({ fields }: Invocation): Metadata | undefined => {
  if (fields === undefined) return undefined;
  const metadata = new Metadata();
  for (const name in fields) metadata.set(name, fields[name] ?? "");
  return metadata;
};

type Serve<H> = (rpc: Rpc, handler: Handler, log: InterceptorContext["log"]) => H;

const serveUnary: Serve<handleUnaryCall<Uint8Array, Uint8Array>> = (rpc, handler, log) => (call, callback) => {
  const invocation = new Invocation(rpc, transport, call, log);
  const refuse = (error: unknown) => callback(refusalOf(error));
  let response: MaybePromise<unknown>;
  try {
    response = handler(invocation, call.request);
  } catch (error) {
    return refuse(error);
  }
  if (response instanceof Promise) response.then((bytes) => callback(null, bytes as Uint8Array, trailersOf(invocation)), refuse);
  else callback(null, response as Uint8Array, trailersOf(invocation));
};

const serveServerStream: Serve<handleServerStreamingCall<Uint8Array, Uint8Array>> = (rpc, handler, log) => async (call) => {
  try {
    await handler(new Invocation(rpc, transport, call, log, call), call.request);
    call.end();
  } catch (error) {
    call.emit("error", refusalOf(error));
  }
};

const serveClientStream: Serve<handleClientStreamingCall<Uint8Array, Uint8Array>> = (rpc, handler, log) => async (call, callback) => {
  try {
    callback(null, (await handler(new Invocation(rpc, transport, call, log), call)) as Uint8Array);
  } catch (error) {
    callback(refusalOf(error));
  }
};

const serve = { unary: serveUnary, server_streaming: serveServerStream, client_streaming: serveClientStream } as const;

/** A method of a grpc-js service: its definition, and the handler that answers its calls. */
export type GrpcMethod = {
  readonly definition: MethodDefinition<Uint8Array, Uint8Array>;
  readonly implementation: ReturnType<(typeof serve)[keyof typeof serve]>;
};

/** Makes the grpc-js method of an RPC; the handler of the method runs the operation inside all interceptors. */
export const toGrpcMethod = (rpc: Rpc, context: InterceptorContext): GrpcMethod => ({
  definition: rawMethod(`/${rpc.name}`, {
    requestStream: rpc.kind === "client_streaming",
    responseStream: rpc.kind === "server_streaming",
  }),
  implementation: serve[rpc.kind](rpc, compile({ ...rpc, ...byteCodec(rpc) }, context), context.log),
});
