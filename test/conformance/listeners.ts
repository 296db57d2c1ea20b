import { createRegistry, type Message } from "@bufbuild/protobuf";
import { anyUnpack, file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import type { Call } from "../../src/call.ts";
import type { Config } from "../../src/config.ts";
import { createNetworks } from "../../src/networks.ts";
import { createBodies } from "../../src/server/bodies.ts";
import { createBrowsers } from "../../src/server/browsers.ts";
import { localCallers } from "../../src/server/callers/callers.ts";
import { createCapacity } from "../../src/server/capacity/capacity.ts";
import { createRefusals } from "../../src/server/capacity/refusals.ts";
import { startGrpc } from "../../src/server/grpc.ts";
import { startHttp } from "../../src/server/http.ts";
import type { InterceptorContext } from "../../src/server/interceptors/interceptor.ts";
import type { Invocation } from "../../src/server/interceptors/invocation.ts";
import { StatusError } from "../../src/server/interceptors/status.ts";
import { createReadiness } from "../../src/server/readiness.ts";
import type { AnyOperation, Rpc } from "../../src/server/rpc.ts";
import type { ListenAddress } from "../../src/settings.ts";
import type { Detail } from "../../src/status.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { ConformanceService, file_connectrpc_conformance_v1_service } from "./gen/connectrpc/conformance/v1/service_pb.ts";
import { TestService } from "./gen/grpc/testing/test_pb.ts";
import { ForeignError, wireOperations } from "./operations.ts";
import { NOBODYS_TIMEOUT_MS, wireOf } from "./wire.ts";

const services = [ConformanceService, TestService];
const known = createRegistry(file_connectrpc_conformance_v1_service, file_google_protobuf_descriptor);

const detailsOf = ({ details }: ForeignError): Detail[] =>
  details.flatMap((any) => {
    const value: Message | undefined = anyUnpack(any, known);
    const desc = value && known.getMessage(value.$typeName);
    return value === undefined || desc === undefined ? [] : [{ desc, value }];
  });

/** The suites compare details exactly: an error has those of its own, and none of the service's. */
const rephrase: NonNullable<InterceptorContext["rephrase"]> = ({ code, reason, message, cause }) =>
  cause instanceof ForeignError
    ? new StatusError(cause.code, "", cause.message, detailsOf(cause), cause)
    : new StatusError(code, reason, message, [], cause);

const toRpcs = (maxRequestBytes: number): Rpc[] =>
  services.flatMap((service) =>
    service.methods.flatMap((method): Rpc[] => {
      const answer = wireOperations[method.localName];
      if (answer === undefined || method.methodKind === "bidi_streaming") return [];
      const operation = ((call: Call, request: never) => answer(wireOf(call as unknown as Invocation), request)) as AnyOperation;
      return [
        {
          method,
          kind: method.methodKind,
          operation,
          name: `${service.typeName}/${method.name}`,
          permission: "users.read",
          defaultTimeoutMs: NOBODYS_TIMEOUT_MS + 3_600_000,
          maxTimeoutMs: NOBODYS_TIMEOUT_MS + 3_600_000,
          idleMs: method.methodKind === "unary" ? undefined : 30_000,
          maxRequestBytes,
          waits: false,
          isRead: false,
        },
      ];
    }),
  );

/** Opens both ports of userd over the services of the suites. */
export const startSuiteListeners = async (maxRequestBytes: number, transport: Config["grpcTransport"] = "grpc-js") => {
  const listen: ListenAddress = { host: "127.0.0.1", port: 0 };
  const rpcs = toRpcs(maxRequestBytes);
  const readiness = await createReadiness(() => true);
  const log = pino({ level: "silent" });
  const metrics = createMetrics().calls;
  const context: InterceptorContext = {
    log,
    metrics,
    capacity: createCapacity(1_000),
    refusals: createRefusals(log, metrics),
    callers: localCallers(),
    explain: () => undefined,
    rephrase,
    messageTypes: known,
  };
  const limits = { max: 1_000, maxPerAddress: 1_000, exempt: createNetworks([]) };
  const bodies = createBodies(1024 * 1024 * 1024);
  const grpc = await startGrpc({ listen, limits, rpcs, services, context, readiness, bodies, reflection: "off", transport });
  const http = await startHttp({
    listen,
    limits,
    rpcs,
    context,
    browsers: createBrowsers({ hosts: [], origins: [] }, false),
    pages: new Map(),
    bodies,
  });
  return {
    grpcAddress: grpc.address,
    httpAddress: http.address,
    [Symbol.asyncDispose]: async () => {
      readiness.stop();
      for (const listener of [grpc, http]) {
        listener.refuse();
        listener.destroy();
      }
    },
  };
};
