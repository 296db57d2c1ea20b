import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceDefinition, type ServiceError } from "@grpc/grpc-js";
import { exhausted } from "../../src/errors.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import type { ListenAddress } from "../../src/settings.ts";
import { toStatus } from "../../src/status.ts";

/** How long a refused client is told to wait, in milliseconds. */
export const RETRY_AFTER_MS = 150;

/** A proxy that refuses the first call of each unary RPC, as an overloaded service does, and passes on all others. */
export type RefusingProxy = AsyncDisposable & {
  readonly address: ListenAddress;
  /** By RPC: how many milliseconds after its refusal the call came again. */
  readonly waits: ReadonlyMap<string, number>;
};

const asIs = (bytes: Buffer): Buffer => bytes;

const refusal = () => {
  const status = toStatus(exhausted("OVERLOADED", "The server takes no more calls now.", { retryAfterMs: RETRY_AFTER_MS }));
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, create(StatusSchema, status))));
  return { code: status.code ?? 0, details: status.message ?? "", metadata };
};

/** Starts it before a service. */
export const startRefusingProxy = async (service: ListenAddress): Promise<RefusingProxy> => {
  const client = new Client(formatAddress(service), credentials.createInsecure());
  const server = new Server();
  const refused = new Map<string, number>();
  const waits = new Map<string, number>();
  for (const { typeName, methods } of [UserService, UserOptionService]) {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: Parameters<Server["addService"]>[1] = {};
    for (const { name, methodKind } of methods) {
      if (methodKind !== "unary" && methodKind !== "server_streaming") continue;
      const path = `/${typeName}/${name}`;
      const responseStream = methodKind === "server_streaming";
      definition[name] = {
        path,
        requestStream: false,
        responseStream,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      };
      implementation[name] = responseStream
        ? (call: { readonly request: Buffer } & NodeJS.WritableStream) => {
            client
              .makeServerStreamRequest(path, asIs, asIs, call.request)
              .on("error", (error: Error) => call.emit("error", error))
              .pipe(call);
          }
        : (call: { readonly request: Buffer }, answer: (error: Partial<ServiceError> | null, bytes?: Buffer) => void) => {
            const refusedAt = refused.get(name);
            if (refusedAt === undefined) {
              refused.set(name, performance.now());
              return answer(refusal());
            }
            if (!waits.has(name)) waits.set(name, performance.now() - refusedAt);
            client.makeUnaryRequest(path, asIs, asIs, call.request, answer);
          };
    }
    server.addService(definition, implementation);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    address: { host: "127.0.0.1", port },
    waits,
    [Symbol.asyncDispose]: async () => {
      server.forceShutdown();
      client.close();
    },
  };
};
