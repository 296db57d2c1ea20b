import { create, toBinary } from "@bufbuild/protobuf";
import type { handleServerStreamingCall, handleUnaryCall, Server, ServerWritableStream } from "@grpc/grpc-js";
import type { DomainError } from "../errors.ts";
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

/** The time between two checks of the readiness for watching clients, in milliseconds. */
const pollMs = 1_000;

type Bytes = Uint8Array;

/** The functions that end the health service of a gRPC server: `endWatches` ends the streams of watching clients, `stop` stops the timer. */
export type HealthService = {
  /** Ends the streams of watching clients, which would hold up a drain. */
  readonly endWatches: () => void;
  readonly stop: () => void;
};

const answer = (status: HealthCheckResponse_ServingStatus): Bytes =>
  toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }));

const malformed = (error: unknown) => toGrpcStatus(statusOf(error as DomainError));

/**
 * Adds the gRPC health service to a server, for the server as a whole ("") and for each of `services`. Health checks pass no interceptors:
 * they have no credentials, and must be answered even by an overloaded server.
 */
export const addHealth = (server: Server, services: readonly string[], readiness: Readiness): HealthService => {
  const known = new Set(["", ...services]);
  const watches = new Map<ServerWritableStream<Bytes, Bytes>, (status: HealthCheckResponse_ServingStatus) => void>();

  const current = async () => ((await readiness.isReady()) ? Serving.SERVING : Serving.NOT_SERVING);

  const check: handleUnaryCall<Bytes, Bytes> = async (call, callback) => {
    let service: string;
    try {
      ({ service } = decodeMessage(HealthCheckRequestSchema, call.request));
    } catch (error) {
      return callback(malformed(error));
    }
    if (!known.has(service)) return callback({ code: Code.NOT_FOUND, details: "There is no such service." });
    callback(null, answer(await current()));
  };

  const list: handleUnaryCall<Bytes, Bytes> = async (_, callback) => {
    const status = await current();
    const statuses = Object.fromEntries([...known].map((name) => [name, create(HealthCheckResponseSchema, { status })]));
    callback(null, toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses })));
  };

  const follow = (call: ServerWritableStream<Bytes, Bytes>, service: string) => {
    let last: HealthCheckResponse_ServingStatus | undefined;
    const notify = (status: HealthCheckResponse_ServingStatus) => {
      // The protocol's own word for a name that may come to exist later: the stream stays open.
      const told = known.has(service) ? status : Serving.SERVICE_UNKNOWN;
      if (told === last) return;
      last = told;
      call.write(answer(told));
    };
    watches.set(call, notify);
    call.once("cancelled", () => watches.delete(call));
    void current().then(notify);
  };

  const watch: handleServerStreamingCall<Bytes, Bytes> = (call) => {
    try {
      follow(call, decodeMessage(HealthCheckRequestSchema, call.request).service);
    } catch (error) {
      call.emit("error", malformed(error));
    }
  };

  const notifyAll = async () => {
    if (watches.size === 0) return;
    const status = await current();
    for (const notify of watches.values()) notify(status);
  };
  const timer = setInterval(() => void notifyAll(), pollMs).unref();
  const forget = readiness.onDrain(() => void notifyAll());

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
    stop: () => {
      clearInterval(timer);
      forget();
    },
  };
};
