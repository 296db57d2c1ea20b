import type { SecureClientSessionOptions } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ChangeService } from "../../../src/gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "../../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../../src/gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../../src/gen/userd/v1/user_service_pb.ts";
import { typed, typedStream } from "./errors.ts";
import { type Deadlines, deadlineOf, defaultDeadlines } from "./methods.ts";
import { defaultRetries, nameWrites, type Retries, retry } from "./retries.ts";
import { carryTokens, type OnWrite } from "./tokens.ts";

/** The token that calls carry, or a function that returns the current one, for tokens that are renewed. */
export type Token = string | (() => string | Promise<string>);

/** The options of `connectUserd`. All but the address have defaults. */
export type UserdOptions = {
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
  /** Interceptors of the caller's own, such as for traces; they see each call once, whatever number of attempts it takes. */
  readonly interceptors?: readonly Interceptor[] | undefined;
};

/** The clients of the services of userd, over one connection. */
export type Userd = Disposable & {
  readonly users: Client<typeof UserService>;
  readonly options: Client<typeof UserOptionService>;
  readonly organizations: Client<typeof OrganizationService>;
  readonly profiles: Client<typeof ProfileService>;
  readonly changes: Client<typeof ChangeService>;
  /** Makes a client of another service, such as one of kinds, with the same defaults. */
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

/** Returns the URL of an address, as `UserdOptions.address` says. */
const urlOf = ({ address, tls }: UserdOptions): string => {
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

/** Opens a client of userd. The connection is made by the first call, and made again whenever it is lost. */
export const connectUserd = (options: UserdOptions): Userd => {
  const { token, tls, requestIds = true, readYourWritesMs: forMs = 30_000, interceptors = [] } = options;
  const baseUrl = urlOf(options);
  const pings = { pingIntervalMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, idleConnectionTimeoutMs: IDLE_MS };
  const sessionManager = new Http2SessionManager(baseUrl, pings, tls);
  const listeners = new Set<OnWrite>();
  const onWrite: OnWrite = (named) => {
    for (const listener of listeners) listener(named);
  };
  const grpc = createGrpcTransport({
    baseUrl,
    sessionManager,
    interceptors: [
      ...interceptors,
      carryTokens({ forMs, clock: () => performance.now(), onWrite }),
      ...(requestIds ? [nameWrites] : []),
      retry({ ...defaultRetries, ...options.retries }),
      ...(token === undefined ? [] : [authorize(token)]),
    ],
  });
  const transport = withDefaults(grpc, { ...defaultDeadlines, ...options.deadlines });
  const client = <S extends DescService>(service: S): Client<S> => createClient(service, transport);
  const close = () => sessionManager.abort();
  return {
    users: client(UserService),
    options: client(UserOptionService),
    organizations: client(OrganizationService),
    profiles: client(ProfileService),
    changes: client(ChangeService),
    client,
    onWrite: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
    [Symbol.dispose]: close,
  };
};
