import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { type ChannelCredentials, type ChannelOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { collect } from "./collect.ts";

/** Messages that an error carries, as Connect keeps them. */
type Details = ConstructorParameters<typeof ConnectError>[3];

const detailsOf = (error: ServiceError): Details => {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Uint8Array)) return [];
  return fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").at(-1) ?? "", value })) as never;
};

/** Trailers that are text. */
const trailersOf = (metadata: Metadata): Headers => {
  const headers = new Headers();
  for (const [name, value] of Object.entries(metadata.getMap())) if (typeof value === "string") headers.set(name, value);
  return headers;
};

const toConnectError = (error: ServiceError): ConnectError => {
  const result = new ConnectError(error.details, error.code as number as Code);
  result.details.push(...(detailsOf(error) as unknown as ConnectError["details"]));
  for (const [name, value] of trailersOf(error.metadata)) result.metadata.set(name, value);
  return result;
};

const metadataOf = (header: ConstructorParameters<typeof Headers>[0]): Metadata => {
  const metadata = new Metadata();
  for (const [name, value] of new Headers(header)) metadata.set(name, value);
  return metadata;
};

const thrownAsConnect = async function* <T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toConnectError(error as ServiceError);
  }
};

const deadlineIn = (timeoutMs: number | undefined) => (timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs });

/** grpc-js behind Connect's client interface, so that one test runs through both. */
export const createGrpcJsTransport = (
  address: string,
  defaultTimeoutMs?: number,
  channel: ChannelCredentials = credentials.createInsecure(),
  options: ChannelOptions = {},
): Transport & { close: () => void } => {
  // Clients of one process would share a connection, and queue for its hundred streams.
  const own = { "grpc.max_receive_message_length": -1, "grpc.use_local_subchannel_pool": 1 };
  const client = new Client(address, channel, { ...own, ...options });
  return {
    close: () => client.close(),
    unary: (method, signal, timeoutMs = defaultTimeoutMs, header, input) =>
      new Promise((resolve, reject) => {
        let trailer = new Headers();
        const call = client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (message: typeof input) => Buffer.from(toBinary(method.input, create(method.input, message))),
          (bytes: Buffer) => fromBinary(method.output, bytes),
          input,
          metadataOf(header),
          deadlineIn(timeoutMs),
          (error, message) => {
            if (error) reject(toConnectError(error));
            else if (message === undefined) reject(new ConnectError("no message", Code.Internal));
            else setImmediate(() => resolve({ stream: false, service: method.parent, method, header: new Headers(), trailer, message }));
          },
        );
        call.on("status", ({ metadata }) => {
          trailer = trailersOf(metadata);
        });
        signal?.addEventListener("abort", () => call.cancel());
      }),
    stream: async (method, signal, timeoutMs, header, input) => {
      const path = `/${method.parent.typeName}/${method.name}`;
      const serialize = (message: MessageInitShape<typeof method.input>) =>
        Buffer.from(toBinary(method.input, create(method.input, message)));
      const deserialize = (bytes: Buffer) => fromBinary(method.output, bytes);
      const deadline = deadlineIn(timeoutMs);
      const head = { stream: true as const, service: method.parent, method, header: new Headers(), trailer: new Headers() };
      if (method.methodKind === "server_streaming") {
        const [request] = await collect(input);
        if (request === undefined) throw new ConnectError("no message", Code.Internal);
        const call = client.makeServerStreamRequest(path, serialize, deserialize, request, metadataOf(header), deadline);
        signal?.addEventListener("abort", () => call.cancel());
        return { ...head, message: thrownAsConnect(call) };
      }
      const answered = Promise.withResolvers<MessageShape<typeof method.output>>();
      const call = client.makeClientStreamRequest(path, serialize, deserialize, metadataOf(header), deadline, (error, message) =>
        message === undefined ? answered.reject(error ? toConnectError(error) : new Error("no message")) : answered.resolve(message),
      );
      signal?.addEventListener("abort", () => call.cancel());
      // What the server refuses in the middle of the stream is told by the answer.
      pipeline(Readable.from(input), call as unknown as Writable).catch(() => {});
      return {
        ...head,
        message: (async function* () {
          yield await answered.promise;
        })(),
      };
    },
  };
};
