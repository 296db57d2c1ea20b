import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { Caller } from "../../call.ts";
import { type Config, ConfigError } from "../../config.ts";
import { permissions } from "../../permissions.ts";
import { createFileWatch } from "../watched-files.ts";
import { type FiledCaller, type FiledToken, parseCallersFile } from "./file.ts";

/** An object that finds the caller of a call by the token in the call's `authorization` header. */
export type Callers = {
  /** Returns the caller whose token is in an `authorization` header; undefined when the header is absent or the token unknown. */
  readonly find: (authorization: string | undefined) => Caller | undefined;
  /** Reads the callers' file anew. A broken file is logged and changes nothing. */
  readonly reload: () => void;
  /** Ends the watch over the callers' file. */
  readonly stop: () => void;
};

/** The most `authorization` headers whose callers are remembered, so that the token of a busy caller isn't hashed in every call. */
const remembered = 1_000;

type Credential = FiledCaller & Pick<FiledToken, "notBefore" | "notAfter">;

/** Makes the look-up of callers by their tokens. */
const createLookUp = (byHash: ReadonlyMap<string, Credential>): Callers["find"] => {
  const known = new LRUCache<string, Credential>({ max: remembered });
  const look = (authorization: string): Credential | undefined => {
    const token = /^bearer +([\w.~+/=-]{1,4096})$/i.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    // Comparing hashes tells an attacker nothing about the token, so the look-up need not take constant time.
    const credential = byHash.get(createHash("sha256").update(token).digest("hex"));
    if (credential !== undefined) known.set(authorization, credential);
    return credential;
  };
  return (authorization) => {
    if (authorization === undefined) return undefined;
    const credential = known.get(authorization) ?? look(authorization);
    if (credential === undefined) return undefined;
    const { notBefore, notAfter, caller } = credential;
    if (notBefore === -Infinity && notAfter === Infinity) return caller;
    const now = Date.now();
    return notBefore <= now && now < notAfter ? caller : undefined;
  };
};

/**
 * Makes the `Callers` of a callers' file, which SECURITY.md describes, and watches the file: when it changes, it is read again.
 * @param known the names of all permissions.
 * @throws ConfigError that names all faults of the file, and no hash.
 */
export const watchCallersFile = (path: string, log: Logger, known: readonly string[] = permissions): Callers => {
  const refuse = (faults: readonly string[]) => new ConfigError(faults.map((fault) => `TOKEN_FILE ${path}: ${fault}`).join("\n"));
  const watch = createFileWatch([path]);

  const load = (): Callers["find"] => {
    let text: string;
    try {
      text = watch.files[0]?.read() ?? "";
    } catch (error) {
      throw refuse([`can't be read (${(error as NodeJS.ErrnoException).code})`]);
    }
    const { entries, faults } = parseCallersFile(text, known);
    if (faults.length > 0) throw refuse(faults);
    return createLookUp(
      new Map(entries.flatMap(({ caller, networks, tokens }) => tokens.map((token) => [token.sha256, { caller, networks, ...token }]))),
    );
  };

  let find = load();
  const reload = () => {
    try {
      find = load();
      log.info("the callers' file was read again");
    } catch (error) {
      log.error({ err: error }, "the callers' file is broken; the callers of before stay");
    }
  };
  watch.start(reload);
  return { find: (authorization) => find(authorization), reload, stop: watch.stop };
};

/** Makes the `Callers` from the token file. Without a token file every call is by the caller `local`, who has all permissions. */
export const loadCallers = (
  { tokenFile: path }: Pick<Config, "tokenFile">,
  log: Logger,
  known: readonly string[] = permissions,
): Callers => {
  if (path !== undefined) return watchCallersFile(path, log, known);
  const local: Caller = { name: "local", permissions: new Set(known) };
  return { find: () => local, reload: () => {}, stop: () => {} };
};
