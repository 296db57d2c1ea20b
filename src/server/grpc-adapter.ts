import { type MessageShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type handleUnaryCall, Metadata, type MethodDefinition, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import type { MaybePromise } from "../call.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { compile } from "./chain/index.ts";
import { createInvocation } from "./chain/invocation.ts";
import type { ChainContext, Handler } from "./chain/link.ts";
import { Code, StatusError } from "./chain/status.ts";
import { byteCodec } from "./codec.ts";
import type { Rpc } from "./rpc.ts";

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Bytes pass through grpc-js as they are: its own codec hook answers malformed messages with INTERNAL. */
export const rawMethod = (path: string, streams = { requestStream: false, responseStream: false }) =>
  ({
    path,
    ...streams,
    requestSerialize: asBuffer,
    requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
    responseSerialize: asBuffer,
    responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
  }) satisfies MethodDefinition<Uint8Array, Uint8Array>;

/** A status as grpc-js sends it, with the details in `grpc-status-details-bin`. */
export const toGrpcStatus = ({ code, message, details, trailers }: StatusError): StatusObject => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  const status: MessageShape<typeof StatusSchema> = {
    $typeName: "google.rpc.Status",
    code,
    message,
    details: details.map(({ desc, value }) => anyPack(desc, value)),
  };
  metadata.set("grpc-status-details-bin", asBuffer(toBinary(StatusSchema, status)));
  return { code, details: message, metadata };
};

const timeOf = (deadline: Date | number): number => (typeof deadline === "number" ? deadline : deadline.getTime());

const handle =
  (rpc: Rpc, handler: Handler, log: ChainContext["log"]): handleUnaryCall<Uint8Array, Uint8Array> =>
  (call, callback) => {
    const refuse = (error: unknown) => {
      // The errors link makes nothing but a StatusError; anything else would be a fault in the chain itself.
      const status = error instanceof StatusError ? toGrpcStatus(error) : { code: Code.INTERNAL, details: "" };
      callback(status as Partial<ServiceError>);
    };
    const invocation = createInvocation(
      rpc,
      {
        header: (name) => call.metadata.get(name)[0]?.toString(),
        deadline: timeOf(call.getDeadline()),
        onCancel: (listener) => call.once("cancelled", listener),
      },
      log,
    );
    let response: MaybePromise<unknown>;
    try {
      response = handler(invocation, call.request);
    } catch (error) {
      return refuse(error);
    }
    if (response instanceof Promise) response.then((bytes) => callback(null, bytes as Uint8Array), refuse);
    else callback(null, response as Uint8Array);
  };

/** One entry of a grpc-js service: its definition and what answers it. */
export type GrpcMethod = {
  readonly definition: MethodDefinition<Uint8Array, Uint8Array>;
  readonly implementation: handleUnaryCall<Uint8Array, Uint8Array>;
};

/** Puts one RPC behind the chain and makes a grpc-js method of it. */
export const toGrpcMethod = (rpc: Rpc, context: ChainContext): GrpcMethod => ({
  definition: rawMethod(`/${rpc.name}`),
  implementation: handle(rpc, compile({ ...rpc, ...byteCodec(rpc) }, context), context.log),
});
