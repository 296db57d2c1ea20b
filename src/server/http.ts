import { createServer, type IncomingHttpHeaders, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { ListenAddress } from "../settings.ts";
import type { Bodies } from "./bodies.ts";
import { type Browsers, isOfPage } from "./browsers.ts";
import { costs } from "./capacity/arrivals.ts";
import { createGate, guardStreams } from "./capacity/gate.ts";
import { canRefuse, refuseStream, sendRefusal } from "./capacity/http-refusal.ts";
import type { Refusal } from "./capacity/refusal.ts";
import { createConnectRpcs } from "./connect-adapter.ts";
import { unknownRpc } from "./connect-errors.ts";
import { type ConnectionLimits, type Connections, limitConnections } from "./connections.ts";
import type { Listener } from "./grpc.ts";
import { sendError, sendText } from "./http-answer.ts";
import type { HttpRequest } from "./http-body.ts";
import { refuseUnknownRpc, serveRpc } from "./http-rpc.ts";
import { originForm } from "./http-target.ts";
import { limitUnread } from "./http-unread.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import { createLingering, type Lingering } from "./lingering.ts";
import { type Page, servePage } from "./pages.ts";
import { splitProtocols } from "./protocols.ts";
import { maxTimeoutMs, type Rpc } from "./rpc.ts";
import { listen } from "./sockets.ts";
import { keepStreamsInSlots } from "./stream-table.ts";
import type { Tls } from "./tls.ts";

const maxHeaderBytes = 16 * 1024;
/** The time for which a connection may be idle, in milliseconds. */
const idleMs = 120_000;

const http1Options: ServerOptions = {
  maxHeaderSize: maxHeaderBytes,
  headersTimeout: 5_000,
  // Longer than any deadline: a call whose body stalls gets its answer first.
  requestTimeout: maxTimeoutMs + 5_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: idleMs,
};

/** The options of `startHttp`, which opens the HTTP port. */
export type HttpListenerOptions = {
  readonly listen: ListenAddress;
  readonly tls?: Tls | undefined;
  readonly limits: ConnectionLimits;
  readonly rpcs: readonly Rpc[];
  readonly context: InterceptorContext;
  readonly browsers: Browsers;
  /** The pages that everybody may see, by path. */
  readonly pages: ReadonlyMap<string, Page>;
  readonly bodies: Bodies;
};

type Vouch = Connections["vouch"];

const pathOf = (target: string): string => target.split("?", 1)[0] ?? "";

/**
 * Tells whether the gate looks at a stream before Node makes a request of it. Those of pages wait for the rules for pages, and the answers to other
 * methods have no body.
 */
const isSeenEarly = (headers: IncomingHttpHeaders): boolean =>
  canRefuse(headers) && !isOfPage(headers) && (headers[":method"] === "POST" || headers[":method"] === "GET");

const createHttpHandler = ({ rpcs, context, browsers, pages, bodies }: HttpListenerOptions, lingering: Lingering, vouch: Vouch) => {
  const byPath = createConnectRpcs(rpcs, context, bodies, vouch);
  const [gate, gateOfTurns] = [createGate(context, { inTurns: false }), createGate(context, { inTurns: true })];
  const servicePaths = new Set([...byPath.keys()].map((path) => path.slice(0, path.lastIndexOf("/"))));

  /** Asks the gate about a request, unless it was asked about its stream. */
  const lookAt = (rpc: Rpc, request: HttpRequest): Refusal | undefined => {
    if (!canRefuse(request.headers)) return undefined;
    if (!("stream" in request)) return gate(rpc, request.headers);
    return isSeenEarly(request.headers) ? undefined : gateOfTurns(rpc, request.headers);
  };

  return (request: HttpRequest, response: ServerResponse): void => {
    lingering.watch(request, response);
    request.url = originForm(request.url ?? "");
    const path = pathOf(request.url);
    if (!browsers.admit(request, response)) {
      limitUnread(request, response, Date.now());
      return;
    }
    const rpc = byPath.get(path);
    const page = pages.get(path);
    if (rpc !== undefined) {
      const refusal = lookAt(rpc.rpc, request);
      if (refusal !== undefined) sendRefusal(request, response, refusal);
      else void serveRpc(rpc, request, response, { log: context.log, bodies });
      return;
    }
    // What is not an RPC is answered at once.
    limitUnread(request, response, Date.now());
    if (page !== undefined) void servePage(page, request, response, context.log);
    else if (refuseUnknownRpc(request, response, context)) return;
    else if (servicePaths.has(path.slice(0, path.lastIndexOf("/")))) sendError(response, 404, unknownRpc(context));
    else sendText(response, 404, "There is nothing here: RPCs are at /SERVICE/METHOD, and there are /healthz and /readyz.\n");
  };
};

/** Opens the HTTP port, which serves RPCs in Connect, gRPC-Web and gRPC over HTTP/1.1 and HTTP/2, and `/healthz`, `/readyz` and `/metrics`. */
export const startHttp = async (options: HttpListenerOptions): Promise<Listener> => {
  const lingering = createLingering();
  // The server that has the connections is made of the handler.
  const admitted: { listener: Vouch } = { listener: () => {} };
  const handle = createHttpHandler(options, lingering, (connection) => admitted.listener(connection));
  const { tls } = options;
  const http1 =
    tls === undefined
      ? createServer(http1Options, handle)
      : createHttpsServer({ ...http1Options, ...tls.optionsFor(["h2", "http/1.1"]) }, handle);
  http1.timeout = idleMs;
  const http2 = createHttp2Server(
    // maxSessionMemory is in MB. A connection may reset so many streams at once, and 33 a second: each costs a refusal before it is gone.
    {
      maxSessionMemory: 64,
      streamResetBurst: 300,
      streamResetRate: 33,
      settings: { maxConcurrentStreams: 100, maxHeaderListSize: maxHeaderBytes },
    },
    // Node's compatibility API: the response has the methods of HTTP/1.1's, without being one.
    (request, response) => handle(request, response as unknown as ServerResponse),
  );
  const byPath = new Map(options.rpcs.map((rpc) => [`/${rpc.name}`, rpc]));
  guardStreams(http2, options.context, {
    connections: {
      isVouched: (session) => connections.isVouched(session),
      punish: (session, address) => connections.punish(session, address),
    },
    rpcOf: (headers) => (isSeenEarly(headers) ? byPath.get(pathOf(headers[":path"] ?? "")) : undefined),
    refuse: (stream, refusal, headers) => refuseStream(stream, refusal, headers, options.browsers.headers),
    // Connect's way with a call is longer.
    costOf: () => costs.begun,
  });
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    keepStreamsInSlots(session);
    session.once("remoteSettings", () => connections.spoke(session));
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // One that does not even take the end is ended all the same.
    session.setTimeout(idleMs, () => (session.closed ? session.destroy() : session.close()));
  });
  const undecided = splitProtocols(http1, http2, tls);
  const connections = limitConnections(http1, options.limits);
  admitted.listener = connections.vouch;
  http1.prependListener("request", ({ socket }) => connections.spoke(socket));
  const address = await listen(http1, "HTTP_LISTEN", options.listen);

  const closed = Promise.withResolvers<void>();
  const refuse = (): void => {
    http1.close(() => closed.resolve());
    undecided.destroyAll();
  };
  const close = async (): Promise<void> => {
    lingering.endAll();
    for (const session of sessions) session.close();
    // A connection that was busy when the drain began is idle after its answer.
    const sweep = setInterval(() => http1.closeIdleConnections(), 50);
    await closed.promise;
    clearInterval(sweep);
  };
  return { address, refuse, close, destroy: connections.destroyAll };
};
