import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";

/** Messages that an error carries, as Connect keeps them. */
type Details = ConstructorParameters<typeof ConnectError>[3];

const detailsOf = (error: ServiceError): Details => {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Uint8Array)) return [];
  return fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").at(-1) ?? "", value })) as never;
};

const toConnectError = (error: ServiceError): ConnectError => {
  const result = new ConnectError(error.details, error.code as number as Code);
  result.details.push(...(detailsOf(error) as unknown as ConnectError["details"]));
  return result;
};

/** grpc-js behind Connect's client interface, so that one test runs through both. */
export const createGrpcJsTransport = (address: string): Transport & { close: () => void } => {
  const client = new Client(address, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
  return {
    close: () => client.close(),
    unary: (method, signal, timeoutMs, header, input) =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata();
        for (const [name, value] of new Headers(header)) metadata.set(name, value);
        const call = client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (message: typeof input) => Buffer.from(toBinary(method.input, create(method.input, message))),
          (bytes: Buffer) => fromBinary(method.output, bytes),
          input,
          metadata,
          timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
          (error, message) => {
            if (error) reject(toConnectError(error));
            else if (message === undefined) reject(new ConnectError("no message", Code.Internal));
            else resolve({ stream: false, service: method.parent, method, header: new Headers(), trailer: new Headers(), message });
          },
        );
        signal?.addEventListener("abort", () => call.cancel());
      }),
    stream: () => Promise.reject(new ConnectError("streams are not part of the contract suite", Code.Unimplemented)),
  };
};
