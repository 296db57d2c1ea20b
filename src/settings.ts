import { z } from "zod";
import { isNetwork, notANetwork } from "./networks.ts";

/** What is served of kinds: whether the built-in ones are, and the paths and globs of the descriptor sets with kinds of the operator's own. */
export type KindsSetting = { readonly isBuiltin: boolean; readonly paths: readonly string[] };

/** An address to listen on, `host:port`; port 0 picks a free one. An IPv6 host stands in brackets. */
export type ListenAddress = { readonly host: string; readonly port: number };

/** The place of the data: a PostgreSQL server, or the embedded database in a folder, or in memory when `folder` is `memory`. */
export type DatabaseUrl = { readonly kind: "postgres"; readonly url: string } | { readonly kind: "pglite"; readonly folder: string };

/** The place of cached reads: the memory of each process, that memory and a Redis server, or nowhere (`none`). */
export type CacheUrl =
  | { readonly kind: "memory" | "none" }
  | {
      readonly kind: "redis";
      readonly url: string;
      /** The path of a PEM file with the certificates that the server is trusted by; undefined = the system's. */
      readonly ca: string | undefined;
    };

const listen = z.string().transform((value, context): ListenAddress => {
  const match = /^(?<host>\[[0-9a-fA-F:.]+\]|[^:\s]+):(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups?.["port"]);
  if (!match || port > 65_535) {
    context.addIssue({ code: "custom", message: "must be host:port, for example 127.0.0.1:50051" });
    return z.NEVER;
  }
  return { host: (match.groups?.["host"] ?? "").replace(/^\[|\]$/g, ""), port };
});

const database = z.string().transform((value, context): DatabaseUrl => {
  if (/^postgres(ql)?:\/\//.test(value)) {
    if (URL.canParse(value)) return { kind: "postgres", url: value };
    context.addIssue({ code: "custom", message: "is not a valid URL" });
    return z.NEVER;
  }
  if (value.startsWith("pglite:") && value.length > "pglite:".length) {
    return { kind: "pglite", folder: value.slice("pglite:".length) };
  }
  context.addIssue({ code: "custom", message: "must be pglite:FOLDER or postgres://…" });
  return z.NEVER;
});

const cache = z.string().transform((value, context): CacheUrl => {
  if (value === "memory" || value === "none") return { kind: value };
  if (/^rediss?:\/\//.test(value) && URL.canParse(value)) return { kind: "redis", url: value, ca: undefined };
  context.addIssue({ code: "custom", message: "must be memory, none or redis://…" });
  return z.NEVER;
});

const kinds = z.string().transform((value, context): KindsSetting => {
  const parts = value.split(",").map((part) => part.trim());
  if (parts.includes("") || (parts.includes("none") && parts.length > 1)) {
    context.addIssue({ code: "custom", message: "must be none, or builtin and paths of descriptor sets, separated by commas" });
    return z.NEVER;
  }
  return { isBuiltin: parts.includes("builtin"), paths: parts.filter((part) => part !== "builtin" && part !== "none") };
});

const networks = z.string().transform((value, context): readonly string[] => {
  const given = value.split(",").map((part) => part.trim());
  for (const network of given) if (!isNetwork(network)) context.addIssue({ code: "custom", message: notANetwork });
  return given;
});

/** Names of hosts, or `*`, separated by commas. */
const hosts = z.string().transform((value, context): readonly string[] => {
  const given = value
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  for (const host of given) {
    if (!/^(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/i.test(host)) context.addIssue({ code: "custom", message: "must be names of hosts, or *" });
  }
  return given;
});

/** Origins of web pages, separated by commas. */
const origins = z.string().transform((value, context): readonly string[] => {
  const given = value
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  for (const origin of given) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin.toLowerCase()) {
      context.addIssue({ code: "custom", message: "must be origins, for example https://console.example.com" });
    }
  }
  return given;
});

const file = z.string().min(1);

const secretKey = z.string().transform((value, context): Uint8Array => {
  const key = Buffer.from(value, "base64");
  if (key.length === 32 && /^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) return key;
  context.addIssue({ code: "custom", message: "must be 32 bytes in base64; make one with: openssl rand -base64 32" });
  return z.NEVER;
});

/** Decimal digits; a text that `Number` takes besides (`0x10`, `1e3`, spaces) stays a text and is refused. */
const digits = (value: unknown): unknown => (typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value);
const whole = (min: number, max: number) =>
  z.preprocess(digits, z.number(`must be a whole number from ${min} to ${max}`).min(min).max(max));
const integer = (min: number, max: number, byDefault: number) => whole(min, max).prefault(`${byDefault}`);

/** The most workers of one service. */
const MAX_WORKERS = 64;
const flag = (byDefault: "true" | "false") =>
  z
    .enum(["true", "false", "1", "0"])
    .default(byDefault)
    .transform((value) => value === "true" || value === "1");

/** The zod schema of all settings: their rules, defaults and descriptions. The table of docs/reference.md is generated from this schema. */
export const settings = z.object({
  DATABASE_URL: database.prefault("pglite:./data").describe("`pglite:FOLDER` (embedded) or `postgres://…` (15 or newer)"),
  DATABASE_POOL_SIZE: whole(1, 500)
    .optional()
    .describe("Connections of each worker to PostgreSQL; default: 20, and of more than two workers 40 in all, but 5 each at least"),
  DATABASE_PREPARED_STATEMENTS: flag("true").describe("`false` behind PgBouncer before 1.21 in transaction mode"),
  WORKERS: whole(1, MAX_WORKERS)
    .optional()
    .describe(
      "Processes of `userd serve` that share the ports, above 1 only on PostgreSQL; `--workers` wins. Default: as many as there are cores (16 at most) and the memory holds, on the embedded database 1",
    ),
  CACHE_URL: cache
    .prefault("memory")
    .describe("`memory` (of each process), `redis://…` (shared as well), or `none`: every read asks the database"),
  CACHE_CA: file.optional().describe("PEM file: the CA certificates that Redis is trusted by with `rediss://`; default: the system's"),
  CACHE_STALENESS_MS: integer(250, 30_000, 2_000).describe("The bound: no default read answers what was outdated longer ago than this"),
  CACHE_MEMORY_MB: integer(1, 65_536, 128).describe("Most memory of a process for what it has read, in MB; about 150 come on top"),
  CACHE_SAMPLE_SECONDS: integer(0, 3_600, 10).describe(
    "How often a user that was written lately is read through the cache and held against the database; 0 = never",
  ),
  GRPC_LISTEN: listen.prefault("127.0.0.1:50051").describe("Address of the gRPC port; port 0 picks a free one"),
  GRPC_TRANSPORT: z
    .enum(["grpc-js", "http2"])
    .default("grpc-js")
    .describe(
      "What serves plain unary calls on the gRPC port: the library `grpc-js`, or Node's HTTP/2 directly, which takes less CPU time",
    ),
  HTTP_LISTEN: listen.prefault("127.0.0.1:8080").describe("Address of the HTTP port (Connect, gRPC-Web, health, metrics)"),
  ADMIN_LISTEN: listen
    .optional()
    .describe("Address of a port for /healthz, /readyz and /metrics alone, which then leave out /metrics on the HTTP port; default: none"),
  REFLECTION: z
    .enum(["callers", "public", "off"])
    .default("callers")
    .describe(
      "Who may ask the gRPC port for its protos: `callers` with credentials (without a callers' file everybody), everybody, or nobody",
    ),
  ALLOWED_HOSTS: hosts
    .prefault("")
    .describe(
      "Names, separated by commas, under which the HTTP port is called where no credentials are asked, besides localhost, addresses and names without a dot; `*` = any",
    ),
  CORS_ORIGINS: origins.prefault("").describe("Origins, separated by commas, whose web pages may call the HTTP port; default: none"),
  SECRET_KEY: secretKey
    .optional()
    .describe("32 bytes in base64, the same for all instances. Required with PostgreSQL; else made beside the data"),
  TOKEN_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("JSON file of callers, read again when it changes; required off loopback. See SECURITY.md"),
  INSECURE: flag("false").describe("`true`: listen off loopback without credentials"),
  TLS_CERT: file.optional().describe("PEM file: the certificate of both ports and those between it and its CA. Read again when it changes"),
  TLS_KEY: file.optional().describe("PEM file: the key of the certificate. Read again when it changes"),
  TLS_CLIENT_CA: file
    .optional()
    .describe("PEM file: the CA certificates that clients' certificates are checked against. Read again when it changes"),
  TLS_CRL: file
    .optional()
    .describe(
      "PEM file: lists of revoked certificates, one of each CA in the chains of clients (docs/security.md). Read again when it changes",
    ),
  TLS_CLIENT_CERTIFICATES: z
    .enum(["optional", "required"])
    .default("optional")
    .describe("With `TLS_CLIENT_CA`: whether clients without a certificate may connect, which then need a token"),
  PLAINTEXT: flag("false").describe("`true`: listen off loopback without TLS, since a proxy or a mesh in front encrypts"),
  TRUSTED_PROXIES: networks
    .optional()
    .describe("Networks of proxies, separated by commas; who calls them is told by the header `PEER_HEADER`"),
  PEER_HEADER: z
    .string()
    .regex(/^[a-z0-9-]+$/, "must be the name of a header in lower case, or none")
    .default("none")
    .describe("Header in which trusted proxies say who calls them, for example `x-forwarded-for`; `none`: no header is believed"),
  MAX_CONCURRENT_CALLS: integer(1, 100_000, 512).describe(
    "Most calls in progress at once; fewer while the machine is busy (docs/security.md). More are refused with RESOURCE_EXHAUSTED",
  ),
  MIN_CONCURRENT_CALLS: integer(1, 100_000, 64).describe("Calls in progress that are never refused, however late the server is"),
  MAX_REQUEST_MB: integer(8, 65_536, 64).describe(
    "Most memory for requests that are arriving or are being answered, in MB; what exceeds it is refused with RESOURCE_EXHAUSTED",
  ),
  MAX_CONNECTIONS: integer(10, 1_000_000, 1_000).describe("Connections to each port; where there is no room, a silent one is ended first"),
  MAX_CONNECTIONS_PER_ADDRESS: integer(1, 1_000_000, 250).describe(
    "Connections to each port from one address (one /64 of IPv6), but for those of TRUSTED_PROXIES",
  ),
  DRAIN_SECONDS: integer(0, 600, 2).describe("How long health says NOT_SERVING before the listeners close"),
  SYSTEM_USERNAME: z
    .string()
    .max(128)
    .default("sentry")
    .describe("Username of the reserved user, which can't be deleted, deactivated, renamed or purged"),
  FEED_RETENTION_HOURS: integer(1, 720, 72).describe("Hours for which a client of the change feed can go on where it was"),
  AUDIT_RETENTION_DAYS: integer(31, 36_500, 400).describe("Days for which the change log is kept at least; whole months are dropped"),
  AUDIT_CHAIN: flag("false").describe(
    "`true`: the change log gets a chain of codes, by which `userd audit verify` finds what was rewritten",
  ),
  MAX_WATCHERS: integer(1, 100_000, 1_000).describe("Streams of changes at once in a process. More are refused with RESOURCE_EXHAUSTED"),
  PURGE_AFTER_DAYS: integer(0, 3_650, 30).describe("Days after which a deleted user is removed for good"),
  INVITATION_DAYS: integer(1, 3_650, 30).describe("Days after which an invitation to an organization expires"),
  ERASURE_KEY: secretKey
    .optional()
    .describe(
      "32 bytes in base64: the private key that receipts of erasures are signed with; default: one that is derived from SECRET_KEY",
    ),
  ERASURE_LEDGER: z
    .string()
    .min(1)
    .optional()
    .describe("File, beside the backups, that a line is added to for each erasure, for `userd purge --replay`; default: none"),
  OPTION_DEFINITIONS: z
    .string()
    .min(1)
    .optional()
    .describe("YAML file of the option registry; default: the built-in one. Read again on SIGHUP"),
  UNREGISTERED_OPTIONS: z.enum(["allow", "refuse"]).default("allow").describe("Whether options without a definition can be set"),
  SCOPE_CHECK: z
    .enum(["trust", "registered"])
    .default("trust")
    .describe("`registered`: options only of projects and organizations that are here and not deleted; `trust`: of any"),
  QUOTA_OPTIONS_PER_USER: integer(1, 1_000_000, 1_000).describe(
    "Most options of a user, over all scopes; and most scope options of one scope",
  ),
  QUOTA_OPTION_BYTES_PER_USER: integer(1, 1_073_741_824, 1_048_576).describe("Most bytes that their values take together (docs/values.md)"),
  QUOTA_RESOURCES_PER_PROFILE: integer(1, 100_000_000, 100_000).describe("Most registered resources of a profile"),
  KINDS: kinds
    .prefault("builtin")
    .describe("The kinds that are served: `builtin`, `none`, and paths or globs of descriptor sets, separated by commas (docs/kinds.md)"),
  READ_POLICY: z
    .enum(["owner_only", "account_wide"])
    .default("owner_only")
    .describe("What users of an account read of each other's resources: those of admins, or all"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info").describe("Least level that is logged"),
});
