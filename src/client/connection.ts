import type { SecureClientSessionOptions } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { coalesce } from "./coalescing.ts";
import { typed, typedStream } from "./errors.ts";
import { type Deadlines, deadlineOf, defaultDeadlines } from "./methods.ts";
import { defaultRetries, nameWrites, type Retries, retry } from "./retries.ts";
import { clientOf } from "./streams.ts";
import { carryTokens, type OnWrite } from "./tokens.ts";

/** The token that calls carry, or a function that returns the current one, for tokens that are renewed. */
export type Token = string | (() => string | Promise<string>);

/** The options of a connection. All but the address have defaults. */
export type ConnectionOptions = {
  /** The service: HOST:PORT or a URL. Without a scheme it is https, and http where the host is this machine and `tls` is absent. */
  readonly address: string;
  /** The token of the caller, as SECURITY.md says; absent = none. */
  readonly token?: Token | undefined;
  /** The CA that is trusted, and the certificate and key that are shown, in PEM. */
  readonly tls?: Pick<SecureClientSessionOptions, "ca" | "cert" | "key"> | undefined;
  /** The deadlines of calls that state none (`timeoutMs` of a call). */
  readonly deadlines?: Partial<Deadlines> | undefined;
  /** How failed calls are sent again. */
  readonly retries?: Partial<Retries> | undefined;
  /** Give each write a request_id, so that it can be sent again when nobody knows what became of it. Default: true. */
  readonly requestIds?: boolean | undefined;
  /** How long reads see this client's writes for certain, in milliseconds; 0 = carry no tokens. Default: 30,000. */
  readonly readYourWritesMs?: number | undefined;
  /**
   * Ask GetOption, GetUser and CheckAccess of one turn of the event loop by one call, if they have the same headers, deadline and consistency.
   * Default: false.
   */
  readonly coalesce?: boolean | undefined;
  /** Interceptors of the caller's own, such as for traces; they see each call once, whatever number of attempts it takes. */
  readonly interceptors?: readonly Interceptor[] | undefined;
};

/** A connection to userd, of which clients of its services are made. */
export type Connection = Disposable & {
  /** Makes a client of a service, such as one of kinds. All clients share the connection and its defaults. */
  readonly client: <S extends DescService>(service: S) => Client<S>;
  /** Calls a function after each write that this client has made; returns how to stop that. */
  readonly onWrite: (listener: OnWrite) => () => void;
  /** Closes the connection; calls that are open fail. */
  readonly close: () => void;
};

/** Under the 5 min after which the service closes a connection that nobody uses, so that no call meets the end of one. */
const IDLE_MS = 4 * 60_000;
/** As often as the service pings, which notices a connection that is gone without a word. */
const PING_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

/** Returns the URL of an address, as `ConnectionOptions.address` says. */
const urlOf = ({ address, tls }: ConnectionOptions): string => {
  if (/^https?:\/\//.test(address)) return address;
  const host = address.replace(/:\d+$/, "");
  return `${isLoopback(host) && tls === undefined ? "http" : "https"}://${address}`;
};

const authorize =
  (token: Token): Interceptor =>
  (next) =>
  async (request) => {
    request.header.set("authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
    return next(request);
  };

/** A transport whose calls have the deadline of their method, unless they state one, and whose errors are `UserdError`s. */
const withDefaults = (transport: Transport, deadlines: Deadlines): Transport => ({
  unary: async (method, signal, timeoutMs, ...rest) => {
    try {
      return await transport.unary(method, signal, timeoutMs ?? deadlineOf(method, deadlines), ...rest);
    } catch (error) {
      throw typed(error);
    }
  },
  stream: async (method, ...rest) => {
    try {
      const response = await transport.stream(method, ...rest);
      return { ...response, message: typedStream(response.message) };
    } catch (error) {
      throw typed(error);
    }
  },
});

/** Opens a connection to userd. It is made by the first call, and made again whenever it is lost. */
export const openConnection = (options: ConnectionOptions): Connection => {
  const { token, tls, requestIds = true, readYourWritesMs: forMs = 30_000, interceptors = [], coalesce: coalesces = false } = options;
  const baseUrl = urlOf(options);
  const pings = { pingIntervalMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, idleConnectionTimeoutMs: IDLE_MS };
  const sessionManager = new Http2SessionManager(baseUrl, pings, tls);
  const listeners = new Set<OnWrite>();
  const onWrite: OnWrite = (named) => {
    for (const listener of listeners) listener(named);
  };
  const transportOf = (first: Interceptor[]): Transport =>
    createGrpcTransport({
      baseUrl,
      sessionManager,
      interceptors: [...first, retry({ ...defaultRetries, ...options.retries }), ...(token === undefined ? [] : [authorize(token)])],
    });
  const grpc = transportOf([
    ...interceptors,
    carryTokens({ forMs, clock: () => performance.now(), onWrite }),
    ...(requestIds ? [nameWrites] : []),
    // Behind what says how fresh each read has to be, so that reads with other tokens stay apart.
    ...(coalesces ? [coalesce(transportOf([]))] : []),
  ]);
  const transport = withDefaults(grpc, { ...defaultDeadlines, ...options.deadlines });
  const close = () => sessionManager.abort();
  return {
    client: (service) => clientOf(service, transport),
    onWrite: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
    [Symbol.dispose]: close,
  };
};
