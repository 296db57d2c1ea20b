import { create, toBinary } from "@bufbuild/protobuf";
import type { handleServerStreamingCall, handleUnaryCall, Server, ServerWritableStream } from "@grpc/grpc-js";
import { type DomainError, exhausted } from "../errors.ts";
import {
  Health,
  HealthCheckRequestSchema,
  type HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from "../gen/grpc/health/v1/health_pb.ts";
import { decodeMessage } from "./codec.ts";
import { rawMethod } from "./grpc-adapter.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { Code, statusOf } from "./interceptors/status.ts";
import type { Readiness } from "./readiness.ts";

/** The most streams of watching clients, in all and over one connection. */
const maxWatches = 1_000;
const maxWatchesPerConnection = 10;

type Bytes = Uint8Array;

/** The health service of a gRPC server: `endWatches` ends the streams of watching clients, which would hold up a drain. */
export type HealthService = { readonly endWatches: () => void; readonly stop: () => void };

const answer = (status: HealthCheckResponse_ServingStatus): Bytes =>
  toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }));

const refusal = (error: unknown) => toGrpcStatus(statusOf(error as DomainError));

const tooManyWatches = () => exhausted("OVERLOADED", "Too many clients watch the health of this server.", { retryAfterMs: 1_000 });

/**
 * Adds the gRPC health service to a server, for the server as a whole ("") and for each of `services`. Health checks pass no interceptors:
 * they have no credentials, and must be answered even by an overloaded server.
 */
export const addHealth = (server: Server, services: readonly string[], readiness: Readiness): HealthService => {
  const known = new Set(["", ...services]);
  const watches = new Map<ServerWritableStream<Bytes, Bytes>, () => void>();
  const perConnection = new Map<string, number>();

  const current = () => (readiness.isReady() ? Serving.SERVING : Serving.NOT_SERVING);

  const check: handleUnaryCall<Bytes, Bytes> = (call, callback) => {
    let service: string;
    try {
      ({ service } = decodeMessage(HealthCheckRequestSchema, call.request));
    } catch (error) {
      return callback(refusal(error));
    }
    if (!known.has(service)) return callback({ code: Code.NOT_FOUND, details: "There is no such service." });
    callback(null, answer(current()));
  };

  const list: handleUnaryCall<Bytes, Bytes> = (_, callback) => {
    const status = current();
    const statuses = Object.fromEntries([...known].map((name) => [name, create(HealthCheckResponseSchema, { status })]));
    callback(null, toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses })));
  };

  const follow = (call: ServerWritableStream<Bytes, Bytes>, service: string) => {
    const connection = call.getPeer();
    const beside = perConnection.get(connection) ?? 0;
    if (watches.size >= maxWatches || beside >= maxWatchesPerConnection) throw tooManyWatches();
    let last: HealthCheckResponse_ServingStatus | undefined;
    const notify = () => {
      // The protocol's own word for a name that may come to exist later: the stream stays open.
      const status = known.has(service) ? current() : Serving.SERVICE_UNKNOWN;
      // A client that reads nothing learns the latest status when it does.
      if (status === last) return;
      if (call.writableNeedDrain) return void call.once("drain", notify);
      last = status;
      call.write(answer(status));
    };
    watches.set(call, notify);
    perConnection.set(connection, beside + 1);
    call.once("cancelled", () => {
      watches.delete(call);
      const left = (perConnection.get(connection) ?? 1) - 1;
      if (left > 0) perConnection.set(connection, left);
      else perConnection.delete(connection);
    });
    notify();
  };

  const watch: handleServerStreamingCall<Bytes, Bytes> = (call) => {
    try {
      follow(call, decodeMessage(HealthCheckRequestSchema, call.request).service);
    } catch (error) {
      call.emit("error", refusal(error));
    }
  };

  const forget = readiness.onChange(() => {
    for (const notify of watches.values()) notify();
  });

  const path = (rpc: string) => `/${Health.typeName}/${rpc}`;
  server.addService(
    {
      check: rawMethod(path("Check")),
      list: rawMethod(path("List")),
      watch: rawMethod(path("Watch"), { requestStream: false, responseStream: true }),
    },
    { check, list, watch },
  );
  return {
    endWatches: () => {
      for (const call of watches.keys()) call.end();
    },
    stop: forget,
  };
};
