import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Caller } from "../call.ts";
import { type Config, ConfigError } from "../config.ts";
import { permissions } from "../permissions.ts";
import { formatAddress } from "./sockets.ts";

/** An object that finds the caller of a call by the token in the call's `authorization` header. */
export type Callers = {
  /** Returns the caller whose token is in an `authorization` header; undefined when the header is absent or the token unknown. */
  readonly find: (authorization: string | undefined) => Caller | undefined;
};

const tokenFile = (known: readonly string[]) =>
  z.strictObject({
    callers: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, _ - or ."),
          token_sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the token, 64 lower-case hex digits"),
          permissions: z.array(z.enum(known, { error: `must be one of ${known.join(", ")}` })),
        }),
      )
      .min(1, "must name at least one caller"),
  });

/** The most `authorization` headers whose callers are remembered, so that the token of a busy caller isn't hashed in every call. */
const remembered = 1_000;

/** Makes the look-up of callers from a map from the SHA-256 of a token, in hex, to the caller. */
const createTokenCallers = (byHash: ReadonlyMap<string, Caller>): Callers => {
  const known = new LRUCache<string, Caller>({ max: remembered });
  return {
    find: (authorization) => {
      if (authorization === undefined) return undefined;
      const remembered = known.get(authorization);
      if (remembered !== undefined) return remembered;
      const token = /^bearer +([\w.~+/=-]{1,4096})$/i.exec(authorization)?.[1];
      if (token === undefined) return undefined;
      // Comparing hashes tells an attacker nothing about the token, so the look-up need not take constant time.
      const caller = byHash.get(createHash("sha256").update(token).digest("hex"));
      if (caller !== undefined) known.set(authorization, caller);
      return caller;
    },
  };
};

/**
 * Reads a token file: `{"callers": [{"name": "billing", "token_sha256": "…", "permissions": ["users.read"]}]}`.
 * @param known the names of all permissions.
 * @throws ConfigError that names all faults of the file, and no hash.
 */
export const readTokenFile = (path: string, known: readonly string[] = permissions): Callers => {
  const refuse = (faults: readonly string[]) => new ConfigError(faults.map((fault) => `TOKEN_FILE ${path}: ${fault}`).join("\n"));
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw refuse([`can't be read (${(error as NodeJS.ErrnoException).code})`]);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse(["is not valid JSON"]);
  }
  const parsed = tokenFile(known).safeParse(json);
  if (!parsed.success) {
    throw refuse(parsed.error.issues.map(({ path: at, message }) => `${at.join(".") || "the file"} ${message}`));
  }
  const byHash = new Map<string, Caller>();
  const faults: string[] = [];
  for (const [index, { name, token_sha256, permissions: granted }] of parsed.data.callers.entries()) {
    const other = byHash.get(token_sha256);
    if (other !== undefined) faults.push(`callers.${index} has the same token as ${other.name}`);
    byHash.set(token_sha256, { name, permissions: new Set(granted) });
  }
  if (faults.length > 0) throw refuse(faults);
  return createTokenCallers(byHash);
};

/** Makes the `Callers` from the token file. Without a token file every call is by the caller `local`, who has all permissions. */
export const loadCallers = ({ tokenFile: path }: Pick<Config, "tokenFile">, known: readonly string[] = permissions): Callers => {
  if (path !== undefined) return readTokenFile(path, known);
  const local: Caller = { name: "local", permissions: new Set(known) };
  return { find: () => local };
};

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

/** Checks that both ports listen on loopback, unless a token file or INSECURE is set. Throws a ConfigError that says what to do. */
export const assertExposure = (config: Pick<Config, "grpcListen" | "httpListen" | "tokenFile" | "insecure">): void => {
  if (config.tokenFile !== undefined || config.insecure) return;
  const faults = Object.entries({ GRPC_LISTEN: config.grpcListen, HTTP_LISTEN: config.httpListen })
    .filter(([, address]) => !isLoopback(address.host))
    .map(
      ([name, address]) =>
        `${name} ${formatAddress(address)} is open to the network, but nobody has to show credentials: set TOKEN_FILE (see SECURITY.md), or listen on 127.0.0.1, or set INSECURE=true if the network itself is trusted`,
    );
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
};
