import type { z } from "zod";
import { type CacheUrl, type DatabaseUrl, type KindsSetting, type ListenAddress, settings } from "./settings.ts";
import { defaultPool, defaultWorkers, type Machine, thisMachine } from "./worker-count.ts";

/** An error of the settings; the message has one line per fault. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The limits on what may be stored for one user or profile. What is stored already, or is imported, may exceed them. */
export type Quotas = {
  readonly optionsPerUser: number;
  /** The most bytes of the values of all options of a user, as options/value.ts counts them. */
  readonly optionBytesPerUser: number;
  readonly resourcesPerProfile: number;
};

/** The settings of one process, checked and frozen. */
export type Config = {
  readonly database: DatabaseUrl;
  /** The number of processes of `userd serve`. */
  readonly workers: number;
  /** The connections of each worker. */
  readonly poolSize: number;
  readonly preparedStatements: boolean;
  readonly cache: {
    readonly url: CacheUrl;
    /** False = every read asks the database. */
    readonly isCaching: boolean;
    /** The staleness bound, in milliseconds. */
    readonly boundMs: number;
    readonly maxBytes: number;
    /** The time between two samples, in milliseconds; 0 = none are taken. */
    readonly sampleMs: number;
  };
  readonly grpcListen: ListenAddress;
  /** The library that serves unary calls on the gRPC port. */
  readonly grpcTransport: "grpc-js" | "http2";
  readonly httpListen: ListenAddress;
  readonly adminListen: ListenAddress | undefined;
  readonly reflection: "callers" | "public" | "off";
  /** The names and the origins of web pages that the HTTP port knows. */
  readonly browsers: { readonly hosts: readonly string[]; readonly origins: readonly string[] };
  readonly secretKey: Uint8Array | undefined;
  readonly tokenFile: string | undefined;
  readonly insecure: boolean;
  /** The PEM files of TLS for both ports; undefined = no TLS. */
  readonly tls:
    | {
        readonly cert: string;
        readonly key: string;
        /** The certificates that those of clients are checked against; undefined = clients show none. */
        readonly clientCa: string | undefined;
        /** The lists of certificates of clients that are revoked; undefined = there are none. */
        readonly crl?: string | undefined;
        readonly clientCertificates: "optional" | "required";
      }
    | undefined;
  /** Whether ports off loopback may do without TLS. */
  readonly plaintext: boolean;
  /** Where calls come from: the networks of trusted proxies, and the header in which these say who calls them, or `none`. */
  readonly peers: { readonly proxies: readonly string[]; readonly header: string };
  /** The most calls in progress at once, over both listeners. */
  readonly maxConcurrentCalls: number;
  readonly minConcurrentCalls: number;
  /** The most bytes that requests in progress may take, over both listeners. */
  readonly requestBytes: number;
  /** The most connections to each port, in all and from one address. */
  readonly connections: { readonly max: number; readonly maxPerAddress: number };
  readonly drainSeconds: number;
  readonly systemUsername: string;
  readonly feed: {
    /** The time for which positions are kept, in hours. */
    readonly retentionHours: number;
    /** The most streams of changes at once. */
    readonly maxWatchers: number;
    /** Whether the change log gets a chain of MACs with its positions. */
    readonly isChained: boolean;
  };
  /** The time for which the change log is kept, in days. */
  readonly auditRetentionDays: number;
  readonly purgeAfterDays: number;
  readonly invitationDays: number;
  /** The private key that receipts of erasures are signed with; undefined = one that is derived from SECRET_KEY. And the path of the ledger. */
  readonly erasure: { readonly key: Uint8Array | undefined; readonly ledger: string | undefined };
  /** The path of the registry file; undefined = the built-in one. */
  readonly optionDefinitions: string | undefined;
  readonly unregisteredOptions: "allow" | "refuse";
  /** `trust`: options can be written for any project and organization; `registered`: only for those of this service. */
  readonly scopeCheck: "trust" | "registered";
  readonly quotas: Quotas;
  readonly kinds: KindsSetting;
  readonly readPolicy: "owner_only" | "account_wide";
  readonly logLevel: z.infer<typeof settings>["LOG_LEVEL"];
};

/** The settings of TLS together. Throws ConfigError when one of them needs another one that is not set. */
const tlsOf = (value: z.output<typeof settings>): Config["tls"] => {
  const { TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: clientCa, TLS_CRL: crl, TLS_CLIENT_CERTIFICATES: clientCertificates } = value;
  if ((cert === undefined) !== (key === undefined)) throw new ConfigError("TLS_CERT and TLS_KEY are set together, or neither");
  if (clientCa !== undefined && value.TOKEN_FILE === undefined) {
    throw new ConfigError("TLS_CLIENT_CA needs TOKEN_FILE, which says whose the names in certificates are (see SECURITY.md)");
  }
  if (crl !== undefined && clientCa === undefined) throw new ConfigError("TLS_CRL needs TLS_CLIENT_CA, whose certificates it revokes");
  if (cert === undefined || key === undefined) {
    if (clientCa !== undefined) throw new ConfigError("TLS_CLIENT_CA needs TLS_CERT and TLS_KEY");
    return undefined;
  }
  return Object.freeze({ cert, key, clientCa, crl, clientCertificates });
};

/** The place of cached reads, with CACHE_CA. Throws ConfigError when CACHE_CA has nothing to be for. */
const cacheUrlOf = ({ CACHE_URL: url, CACHE_CA: ca }: z.output<typeof settings>): CacheUrl => {
  if (ca === undefined) return url;
  if (url.kind === "redis" && url.url.startsWith("rediss:")) return { ...url, ca };
  throw new ConfigError("CACHE_CA is for a CACHE_URL with rediss://");
};

/**
 * Reads the settings from the environment; those in `overrides` win. Empty settings count as not set. Some defaults depend on the machine.
 * Throws ConfigError naming all faults.
 */
export const loadConfig = (
  overrides: NodeJS.ProcessEnv = {},
  environment: NodeJS.ProcessEnv = process.env,
  machine: Machine = thisMachine(),
): Config => {
  const set = Object.entries({ ...environment, ...overrides }).filter(([, value]) => value !== undefined && value !== "");
  const result = settings.safeParse(Object.fromEntries(set));
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
    throw new ConfigError(faults.join("\n"));
  }
  const value = result.data;
  if (value.DATABASE_URL.kind === "postgres" && value.SECRET_KEY === undefined) {
    throw new ConfigError("SECRET_KEY is required with PostgreSQL: all instances share it; make one with: openssl rand -base64 32");
  }
  const workers = value.WORKERS ?? defaultWorkers(value.DATABASE_URL, value.CACHE_MEMORY_MB, machine);
  return Object.freeze({
    database: value.DATABASE_URL,
    workers,
    poolSize: value.DATABASE_POOL_SIZE ?? defaultPool(workers),
    preparedStatements: value.DATABASE_PREPARED_STATEMENTS,
    cache: Object.freeze({
      url: cacheUrlOf(value),
      isCaching: value.CACHE_URL.kind !== "none",
      boundMs: value.CACHE_STALENESS_MS,
      maxBytes: value.CACHE_MEMORY_MB * 1024 * 1024,
      sampleMs: value.CACHE_SAMPLE_SECONDS * 1_000,
    }),
    grpcListen: value.GRPC_LISTEN,
    grpcTransport: value.GRPC_TRANSPORT,
    httpListen: value.HTTP_LISTEN,
    adminListen: value.ADMIN_LISTEN,
    reflection: value.REFLECTION,
    browsers: Object.freeze({ hosts: value.ALLOWED_HOSTS, origins: value.CORS_ORIGINS }),
    secretKey: value.SECRET_KEY,
    tokenFile: value.TOKEN_FILE,
    insecure: value.INSECURE,
    tls: tlsOf(value),
    plaintext: value.PLAINTEXT,
    peers: Object.freeze({ proxies: value.TRUSTED_PROXIES ?? [], header: value.PEER_HEADER }),
    maxConcurrentCalls: value.MAX_CONCURRENT_CALLS,
    minConcurrentCalls: value.MIN_CONCURRENT_CALLS,
    requestBytes: value.MAX_REQUEST_MB * 1024 * 1024,
    connections: Object.freeze({ max: value.MAX_CONNECTIONS, maxPerAddress: value.MAX_CONNECTIONS_PER_ADDRESS }),
    drainSeconds: value.DRAIN_SECONDS,
    systemUsername: value.SYSTEM_USERNAME,
    feed: Object.freeze({ retentionHours: value.FEED_RETENTION_HOURS, maxWatchers: value.MAX_WATCHERS, isChained: value.AUDIT_CHAIN }),
    auditRetentionDays: value.AUDIT_RETENTION_DAYS,
    purgeAfterDays: value.PURGE_AFTER_DAYS,
    invitationDays: value.INVITATION_DAYS,
    erasure: Object.freeze({ key: value.ERASURE_KEY, ledger: value.ERASURE_LEDGER }),
    optionDefinitions: value.OPTION_DEFINITIONS,
    unregisteredOptions: value.UNREGISTERED_OPTIONS,
    scopeCheck: value.SCOPE_CHECK,
    quotas: Object.freeze({
      optionsPerUser: value.QUOTA_OPTIONS_PER_USER,
      optionBytesPerUser: value.QUOTA_OPTION_BYTES_PER_USER,
      resourcesPerProfile: value.QUOTA_RESOURCES_PER_PROFILE,
    }),
    kinds: value.KINDS,
    readPolicy: value.READ_POLICY,
    logLevel: value.LOG_LEVEL,
  });
};
