import { create, type DescMessage, type DescMethod, fromBinary, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream } from "@grpc/grpc-js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import type { ListenAddress } from "../../src/settings.ts";
import { ConformanceService } from "./gen/connectrpc/conformance/v1/service_pb.ts";
import { ForeignError, wireOperations } from "./operations.ts";
import { grpcWire } from "./wire.ts";

const statusOf = (error: unknown) => {
  if (!(error instanceof ForeignError)) return { code: 13, details: String(error) };
  const metadata = new Metadata();
  const { code, message, details } = error;
  metadata.set(
    "grpc-status-details-bin",
    Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message, details: [...details] }))),
  );
  return { code, details: message, metadata };
};

const definitionOf = (method: DescMethod) => ({
  path: `/${method.parent.typeName}/${method.name}`,
  requestStream: method.methodKind === "client_streaming",
  responseStream: method.methodKind === "server_streaming",
  requestSerialize: (message: Message) => Buffer.from(toBinary(method.input, message)),
  requestDeserialize: (bytes: Buffer): Message => fromBinary(method.input, bytes),
  responseSerialize: (message: object) =>
    Buffer.from(toBinary(method.output, create(method.output, message as MessageInitShape<DescMessage>))),
  responseDeserialize: (bytes: Buffer): Message => fromBinary(method.output, bytes),
});

type Answer = (wire: ReturnType<typeof grpcWire>, request: unknown) => Promise<object> & AsyncIterable<object>;

const handlerOf = (method: DescMethod, answer: Answer) => {
  if (method.methodKind === "server_streaming") {
    return async (call: ServerWritableStream<Message, object>) => {
      try {
        for await (const message of answer(grpcWire(call), call.request)) call.write(message);
        call.end();
      } catch (error) {
        call.emit("error", statusOf(error));
      }
    };
  }
  return (call: ServerUnaryCall<Message, object>, callback: (error: object | null, answer?: object) => void) => {
    const request = method.methodKind === "client_streaming" ? call : call.request;
    answer(grpcWire(call), request).then(
      (message) => callback(null, message),
      (error: unknown) => callback(statusOf(error)),
    );
  };
};

/** Opens a grpc-js server over the conformance service, with nothing of userd in it: what userd's gRPC port is held against. */
export const startBare = async (maxRequestBytes: number): Promise<ListenAddress> => {
  const server = new Server({ "grpc.max_receive_message_length": maxRequestBytes });
  for (const method of ConformanceService.methods) {
    const answer = wireOperations[method.localName];
    if (answer === undefined || method.methodKind === "bidi_streaming") continue;
    server.addService({ call: definitionOf(method) }, { call: handlerOf(method, answer as unknown as Answer) as never });
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { host: "127.0.0.1", port };
};
