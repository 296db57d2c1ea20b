import type { Http2Server, Http2Session, ServerHttp2Session } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { logVerbosity, Server, ServerCredentials, type ServerOptions, setLogVerbosity } from "@grpc/grpc-js";
import type { Config } from "../config.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import type { ListenAddress } from "../settings.ts";
import type { Bodies } from "./bodies.ts";
import { costs } from "./capacity/arrivals.ts";
import { answerAtOnce, guardStreams } from "./capacity/gate.ts";
import { type ConnectionLimits, limitConnections } from "./connections.ts";
import { createDirectCalls } from "./direct-calls.ts";
import { createFront } from "./front.ts";
import { toGrpcMethod } from "./grpc-adapter.ts";
import { addHealth } from "./health.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import type { CallHome } from "./open-call.ts";
import { createCallGuard } from "./open-calls.ts";
import { createPatients } from "./patience.ts";
import type { Readiness } from "./readiness.ts";
import { addReflection } from "./reflection.ts";
import { maxBatchRequestBytes, maxResponseBytes, type Rpc } from "./rpc.ts";
import { listen } from "./sockets.ts";
import { keepStreamsInSlots } from "./stream-table.ts";
import type { Tls } from "./tls.ts";

const minute = 60_000;

const options: ServerOptions = {
  // The limit of ordinary RPCs is the codec's: grpc-js has one for the whole server.
  "grpc.max_receive_message_length": maxBatchRequestBytes,
  "grpc.max_send_message_length": maxResponseBytes,
  "grpc.max_concurrent_streams": 100,
  // In MB, per connection.
  "grpc-node.max_session_memory": 64,
  // Connections end now and then (grpc-js adds 10 % of jitter), so that clients spread over new instances.
  "grpc.max_connection_age_ms": 30 * minute,
  "grpc.max_connection_age_grace_ms": minute,
  "grpc.max_connection_idle_ms": 5 * minute,
  // A peer that does not answer a ping is gone; this also ends connections that never say anything.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // Nobody reads channelz here, and it costs on each message.
  "grpc.enable_channelz": 0,
};

/** An open port of the server, and the functions that close it step by step. */
export type Listener = {
  readonly address: ListenAddress;
  /** Stops taking connections. */
  readonly refuse: () => void;
  /** Asks clients to use other connections, and resolves when the calls on the open ones are done. */
  readonly close: () => Promise<void>;
  /** Ends the connections that are still open. */
  readonly destroy: () => void;
};

/** The options of `startGrpc`, which opens the gRPC port. */
export type GrpcListenerOptions = {
  readonly listen: ListenAddress;
  readonly tls?: Tls | undefined;
  readonly limits: ConnectionLimits;
  readonly rpcs: readonly Rpc[];
  readonly services: readonly DescService[];
  readonly context: InterceptorContext;
  readonly readiness: Readiness;
  readonly bodies: Bodies;
  readonly reflection: Config["reflection"];
  /** The library that serves unary calls; grpc-js serves all others. */
  readonly transport: Config["grpcTransport"];
};

/**
 * Opens the gRPC port. userd listens on the socket and hands the connections to grpc-js, and so can report a port that is in use, limit the
 * number of connections, and end the connections that are left when the server stops.
 */
export const startGrpc = async ({
  listen: at,
  tls,
  limits,
  rpcs,
  services,
  context,
  readiness,
  bodies,
  reflection,
  transport,
}: GrpcListenerOptions): Promise<Listener> => {
  // Its logger quotes malformed headers, tokens included.
  setLogVerbosity(logVerbosity.NONE);
  const methods = rpcs.map((rpc) => toGrpcMethod(rpc, context));
  const patients = createPatients();
  const home: CallHome = { bodies, patients, admitted: (connection) => connections.vouch(connection) };
  const guard = createCallGuard(new Map(methods.map(({ definition, guarded }) => [definition.path, guarded])), home);
  const server = new Server({ ...options, interceptors: [guard] });
  for (const { definition, implementation } of methods) server.addService({ call: definition }, { call: implementation });
  const health = addHealth(
    server,
    services.map(({ typeName }) => typeName),
    readiness,
  );
  if (reflection !== "off") {
    const admit = reflection === "callers" ? context.callers.find : undefined;
    addReflection(server, { services: [...services, Health, ServerReflection], admit });
  }

  const byPath = new Map(rpcs.map((rpc) => [`/${rpc.name}`, rpc]));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  // grpc-js ends connections that are idle, and does not see these calls.
  const noteActive = (session: Http2Session) => {
    const idle = server["sessionIdleTimeouts"].get(session as ServerHttp2Session);
    if (idle !== undefined) idle.lastIdle = Date.now();
  };
  const serveDirect = transport === "http2" ? createDirectCalls(methods, home, noteActive) : undefined;
  // Type-checked, though private: grpc-js hands out neither its servers nor their sessions.
  for (const http2Server of server["http2Servers"].keys()) {
    http2Server.prependListener("session", (session: ServerHttp2Session) => {
      keepStreamsInSlots(session);
      session.once("remoteSettings", () => connections.spoke(session));
    });
    guardStreams(http2Server as Http2Server, context, {
      connections: {
        isVouched: (session) => connections.isVouched(session),
        punish: (session, address) => connections.punish(session, address),
      },
      rpcOf: (headers) => byPath.get(headers[":path"] ?? ""),
      refuse: (stream, { headers }) => answerAtOnce(stream, headers),
      serveDirect,
      costOf: () => (context.capacity.isBusy() ? costs.begun : costs.quick),
    });
  }
  const front = createFront(tls, "h2", (socket) => {
    if (!socket.destroyed) injector.injectConnection(socket);
  });
  const connections = limitConnections(front, limits);
  const address = await listen(front, "GRPC_LISTEN", at);
  return {
    address,
    refuse: () => {
      front.close();
      health.endWatches();
    },
    close: async () => {
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    },
    destroy: () => {
      // A start that fails after this port was opened ends here: nothing may keep the process.
      front.close();
      health.stop();
      patients.stop();
      server.forceShutdown();
      connections.destroyAll();
    },
  };
};
