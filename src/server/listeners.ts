import { setTimeout as delay } from "node:timers/promises";
import { createRegistry, type DescMessage } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { MaybePromise } from "../call.ts";
import type { Config } from "../config.ts";
import { createNetworks } from "../networks.ts";
import type { ListenAddress } from "../settings.ts";
import { detailTypes } from "../status.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { startAdmin } from "./admin.ts";
import { createBodies } from "./bodies.ts";
import { createBrowsers } from "./browsers.ts";
import { loadCallers } from "./callers/callers.ts";
import { createCapacity } from "./capacity/capacity.ts";
import { createRefusals } from "./capacity/refusals.ts";
import { startGrpc } from "./grpc.ts";
import { startHttp } from "./http.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import { healthPages, metricsPage } from "./pages.ts";
import { createReadiness } from "./readiness.ts";
import type { Route } from "./route.ts";
import { prepareRpcs } from "./rpc.ts";
import { loadTls } from "./tls.ts";

/** The time in which calls in progress have to finish in a drain, in milliseconds. */
const graceMs = 15_000;

/** The time that the last answers of a drain have to arrive, in milliseconds. */
const arrivalMs = 100;

/** What `startListeners` needs to open the gRPC port and the HTTP port: settings, routes, a log and metrics. */
export type ListenersOptions = {
  readonly config: Pick<
    Config,
    | "grpcListen"
    | "grpcTransport"
    | "httpListen"
    | "tokenFile"
    | "tls"
    | "peers"
    | "maxConcurrentCalls"
    | "minConcurrentCalls"
    | "requestBytes"
    | "connections"
    | "browsers"
    | "adminListen"
    | "reflection"
    | "drainSeconds"
  >;
  readonly routes: readonly Route[];
  /** The names of all permissions that callers can have. Default: those of userd itself. */
  readonly permissions?: readonly string[];
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Translates an error from below the operations, such as a driver's, into one for the caller. Default: each is a fault. */
  readonly explain?: InterceptorContext["explain"];
  /** Refuses calls by the rules of their RPCs for acting users. Default: there are none. */
  readonly permit?: InterceptorContext["permit"];
  /** The messages that a `google.protobuf.Any` of answers can hold in JSON, besides the details of errors. */
  readonly messageTypes?: readonly DescMessage[];
  /** Is called when a drain refuses new calls: streams that would go on for hours have to end. */
  readonly closing?: () => void;
  /** Tells whether the service can answer now. It is asked once a second, and has 1 s to answer. */
  readonly ready: () => MaybePromise<boolean>;
};

/** The two open ports of the service, one for gRPC and one for HTTP. */
export type Listeners = AsyncDisposable & {
  readonly grpcAddress: ListenAddress;
  readonly httpAddress: ListenAddress;
  /** The address of the port for health and metrics, if there is one. */
  readonly adminAddress: ListenAddress | undefined;
  /**
   * Ends the server without losing a call: health says NOT_SERVING, `drainSeconds` later the ports close, and calls in progress get 15 s to
   * finish. A second drain waits for the first.
   */
  readonly drain: () => Promise<void>;
  /** Reads the callers' file and the files of TLS again. */
  readonly reload: () => void;
};

/**
 * Opens the gRPC port and the HTTP port. Both serve the same routes, behind the same interceptors.
 * @throws ConfigError when an address can't be listened on or the token file is wrong; Error when an RPC declares no permission.
 */
export const startListeners = async ({
  config,
  routes,
  permissions,
  log,
  metrics,
  ready,
  explain = () => undefined,
  permit,
  messageTypes = [],
  closing = () => {},
}: ListenersOptions): Promise<Listeners> => {
  const capacity = createCapacity(config.maxConcurrentCalls, config.minConcurrentCalls);
  const refusals = createRefusals(log, metrics.calls);
  const rpcs = prepareRpcs(routes, permissions);
  await using stack = new AsyncDisposableStack();
  const tls = config.tls && stack.adopt(await loadTls(config.tls, log), ({ stop }) => stop());
  const isTrusted = tls?.isTrusted ?? (() => false);
  const callers = stack.adopt(loadCallers({ config, log, known: permissions, isTrusted }), ({ stop }) => stop());
  const context: InterceptorContext = {
    ...{ log, metrics: metrics.calls, capacity, refusals, callers, explain, ...(permit && { permit }) },
    messageTypes: createRegistry(detailTypes, ...messageTypes),
  };
  const services = routes.map(({ service }) => service);
  const readiness = stack.adopt(await createReadiness(ready), ({ stop }) => stop());
  metrics.watchCapacity({ ...capacity, flush: refusals.flush });
  const bodies = createBodies(config.requestBytes);
  const limits = { ...config.connections, exempt: createNetworks(config.peers.proxies), flooded: metrics.flooded };

  const grpc = stack.adopt(
    await startGrpc({
      listen: config.grpcListen,
      transport: config.grpcTransport,
      reflection: config.reflection,
      ...{ tls, limits, rpcs, services, context, readiness, bodies },
    }),
    ({ destroy }) => destroy(),
  );
  const watched = new Map([...healthPages(readiness), metricsPage({ contentType: metrics.registry.contentType, text: metrics.text })]);
  const admin =
    config.adminListen && stack.adopt(await startAdmin({ listen: config.adminListen, pages: watched, log }), ({ destroy }) => destroy());
  const http = await startHttp({
    listen: config.httpListen,
    tls,
    limits,
    rpcs,
    context,
    browsers: createBrowsers(config.browsers, callers.askCredentials),
    // With a port of its own for those who watch, metrics are nobody else's business.
    pages: admin === undefined ? watched : healthPages(readiness),
    bodies,
  });

  const idle = async (): Promise<void> => {
    while (capacity.inProgress() + capacity.waiting() > 0) await delay(10, undefined, { ref: false });
  };
  const close = async (): Promise<void> => {
    const patience = delay(graceMs, undefined, { ref: false });
    capacity.close();
    closing();
    grpc.refuse();
    http.refuse();
    // A connection that ends behind the last answer takes it along when the client has not read it yet: grpc-js then
    // reports the call as dropped. So the calls finish first, and their answers get the time to arrive.
    await Promise.race([idle(), patience]);
    await delay(arrivalMs);
    const closed = Promise.all([grpc.close(), http.close()]);
    await Promise.race([closed, patience]);
    grpc.destroy();
    http.destroy();
    await closed;
    admin?.destroy();
    readiness.stop();
    callers.stop();
    tls?.stop();
    capacity.stop();
    refusals.flush();
  };
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> => {
    drained ??= (async () => {
      readiness.drain();
      // Load balancers look at health now and then; until they have, calls still come and are answered.
      await delay(config.drainSeconds * 1_000);
      await close();
    })();
    return drained;
  };
  stack.move();
  return {
    grpcAddress: grpc.address,
    httpAddress: http.address,
    adminAddress: admin?.address,
    drain,
    reload: () => {
      callers.reload();
      tls?.reload();
    },
    [Symbol.asyncDispose]: drain,
  };
};
