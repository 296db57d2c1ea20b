import { connect, type Socket } from "node:net";
import type { Operations } from "../../src/call.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { type ListenersOptions, startListeners } from "../../src/server/listeners.ts";
import { type Route, route } from "../../src/server/route.ts";
import type { ListenAddress } from "../../src/settings.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createClients } from "../support/clients.ts";
import { testTransport } from "../support/transport.ts";

/** The operations of a service that has no feature: each test says what it needs of it. */
export type FakeOperations = Partial<Operations<typeof UserOptionService>>;

const timezone = { kind: { case: "stringValue", value: "Europe/Vienna" } } as const;

const none = () => ({});

/** An answer for each RPC. */
export const defaults: Operations<typeof UserOptionService> = {
  getOption: () => ({ found: true, value: timezone }),
  listOptions: none,
  batchGetOptions: none,
  setOption: () => ({ created: true }),
  deleteOption: none,
  applyOptionChanges: none,
  batchSetOptions: none,
  resolveOptions: none,
  findUsersByOption: none,
  listOptionRevisions: none,
  restoreOption: none,
  listOptionDefinitions: none,
  getOptionDefinition: none,
  listInvalidOptions: none,
  setScopeOption: none,
  getScopeOption: none,
  listScopeOptions: none,
  deleteScopeOption: none,
};

type Settings = Partial<ListenersOptions["config"]> & {
  readonly ready?: ListenersOptions["ready"];
  readonly level?: "debug" | "info";
  /** What is served besides the fake operations. */
  readonly routes?: readonly Route[];
};

/** Both listeners over fake operations, their clients, and what they log. */
export const startServer = async (
  operations: FakeOperations = {},
  { ready = () => true, level = "info", routes = [], ...config }: Settings = {},
) => {
  const lines: string[] = [];
  const metrics = createMetrics();
  const listeners = await startListeners({
    config: {
      grpcListen: { host: "127.0.0.1", port: 0 },
      httpListen: { host: "127.0.0.1", port: 0 },
      grpcTransport: testTransport,
      tokenFile: undefined,
      tls: undefined,
      peers: { proxies: [], header: "none" },
      maxConcurrentCalls: 100,
      minConcurrentCalls: 100,
      adminListen: undefined,
      reflection: "callers",
      browsers: { hosts: [], origins: [] },
      requestBytes: 64 * 1024 * 1024,
      connections: { max: 1_000, maxPerAddress: 250 },
      drainSeconds: 0,
      ...config,
    },
    routes: [route(UserOptionService, { ...defaults, ...operations }), ...routes],
    log: createLogger(level, { write: (line) => void lines.push(line) }),
    metrics,
    ready,
  });
  const clients = createClients(listeners, {});
  return {
    ...listeners,
    clients: clients.byKind,
    transports: clients.transports,
    /** The lines of the log so far, parsed. */
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    metrics: () => metrics.registry.metrics(),
    url: (path: string) => `http://${listeners.httpAddress.host}:${listeners.httpAddress.port}${path}`,
    [Symbol.asyncDispose]: async () => {
      clients.close();
      await listeners[Symbol.asyncDispose]();
    },
  };
};

/** Posts JSON to an RPC of the fake service over HTTP/1.1. */
export const post = (
  server: Awaited<ReturnType<typeof startServer>>,
  rpc: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) =>
  fetch(server.url(`/userd.v1.UserOptionService/${rpc}`), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

/** The code and the reason of a Connect error in JSON. */
export const refusalOf = async (response: Response) => {
  const { code, details } = (await response.json()) as { code: string; details?: { debug?: { reason?: string } }[] };
  return { status: response.status, code, reason: details?.[0]?.debug?.reason };
};

/** A request that every rule of the proto lets through. */
export const validRequest = { userId: 7n, key: "timezone" };

/** Tells whether an answer over HTTP/1 has come as far as its content-length says. */
const hasWholeAnswer = (text: string): boolean => {
  const [head, body] = text.split(/\r\n\r\n(.*)/s);
  const length = /^content-length: (\d+)/im.exec(head ?? "")?.[1];
  return body !== undefined && length !== undefined && body.length >= Number(length);
};

/** Writes a request over HTTP/1 to a port and resolves to the answer, once it is whole or the connection is closed. */
export const answerTo = ({ host, port }: ListenAddress, request: string): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    const socket: Socket = connect(port, host, () => socket.write(request));
    const done = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      if (hasWholeAnswer(text)) done();
    });
    socket.on("close", done);
    socket.on("error", done);
  });

/** Writes bytes to a port and resolves to what comes back until it closes, or for `patienceMs`. */
export const exchange = ({ host, port }: ListenAddress, bytes: string | Uint8Array, patienceMs = 1_000): Promise<string> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket: Socket = connect(port, host, () => socket.write(bytes));
    const done = () => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString("latin1"));
    };
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", done);
    socket.on("error", done);
    setTimeout(done, patienceMs);
  });
