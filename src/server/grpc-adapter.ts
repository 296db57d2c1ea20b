import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
} from "@grpc/grpc-js";
import type { MaybePromise } from "../call.ts";
import { asBuffer, byteCodec, holdsBytes } from "./codec.ts";
import { refusalOf } from "./grpc-status.ts";
import { compileAdmission } from "./interceptors/admission.ts";
import { compile } from "./interceptors/index.ts";
import type { Handler, InterceptorContext } from "./interceptors/interceptor.ts";
import type { Invocation } from "./interceptors/invocation.ts";
import { type GuardedRpc, openCallOf } from "./open-call.ts";
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

/** The trailers of an answer, besides its status; undefined = none. */
const trailersOf = ({ fields }: Pick<Invocation, "fields">): Metadata | undefined => {
  if (fields === undefined) return undefined;
  const metadata = new Metadata();
  for (const name in fields) metadata.set(name, fields[name] ?? "");
  return metadata;
};

type Serve<H> = (handler: Handler) => H;

const serveUnary: Serve<handleUnaryCall<Uint8Array, Uint8Array>> = (handler) => (call, callback) => {
  const refuse = (error: unknown) => callback(refusalOf(error));
  const invocation = openCallOf(call.metadata).started();
  let response: MaybePromise<unknown>;
  try {
    response = handler(invocation, call.request);
  } catch (error) {
    return refuse(error);
  }
  if (response instanceof Promise) response.then((bytes) => callback(null, bytes as Uint8Array, trailersOf(invocation)), refuse);
  else callback(null, response as Uint8Array, trailersOf(invocation));
};

const serveServerStream: Serve<handleServerStreamingCall<Uint8Array, Uint8Array>> = (handler) => async (call) => {
  const open = openCallOf(call.metadata);
  try {
    await handler(open.started(call), call.request);
    call.end();
  } catch (error) {
    call.emit("error", refusalOf(error));
  }
  open.answered();
};

const serveClientStream: Serve<handleClientStreamingCall<Uint8Array, Uint8Array>> = (handler) => async (call, callback) => {
  try {
    callback(null, (await handler(openCallOf(call.metadata).started(), call)) as Uint8Array);
  } catch (error) {
    callback(refusalOf(error));
  }
};

const serve = { unary: serveUnary, server_streaming: serveServerStream, client_streaming: serveClientStream } as const;

/** A method of a grpc-js service: its definition, and the handler that answers its calls. */
export type GrpcMethod = {
  readonly definition: MethodDefinition<Uint8Array, Uint8Array>;
  readonly implementation: ReturnType<(typeof serve)[keyof typeof serve]>;
  readonly guarded: GuardedRpc;
  /** The function that runs the operation inside all interceptors. */
  readonly handler: Handler;
};

/** Makes the grpc-js method of an RPC; the handler of the method runs the operation inside all interceptors. */
export const toGrpcMethod = (rpc: Rpc, context: InterceptorContext): GrpcMethod => {
  const handler = compile({ ...rpc, ...byteCodec(rpc) }, context);
  return {
    definition: rawMethod(`/${rpc.name}`, {
      requestStream: rpc.kind === "client_streaming",
      responseStream: rpc.kind === "server_streaming",
    }),
    implementation: serve[rpc.kind](handler),
    guarded: { rpc, admission: compileAdmission(rpc, context), log: context.log, holdsBytes: holdsBytes(rpc.method.input) },
    handler,
  };
};
