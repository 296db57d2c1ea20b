import type { Logger } from "pino";
import { type Config, ConfigError } from "../../config.ts";
import { permissions } from "../../permissions.ts";
import { createFileWatch } from "../watched-files.ts";
import { parseCallersFile } from "./file.ts";
import type { Found } from "./found.ts";
import { createKeySources } from "./jwt/key-sources.ts";
import type { KeyTimes } from "./jwt/key-url.ts";
import type { OpenIssuer } from "./jwt/look-up.ts";
import { createLookUp, type LookUp, type Surroundings } from "./look-up.ts";
import { createOriginOf } from "./origin.ts";

/** The object that finds the callers of calls. */
export type Callers = {
  /**
   * Returns the caller of a call; a promise only for a signed token that has to be verified first. Throws, or rejects with, UNAUTHENTICATED
   * CREDENTIALS_REQUIRED when nothing shows who it is.
   */
  readonly find: LookUp["find"];
  /**
   * Returns the refusal of a call whose credentials can't be anybody's: it shows none, or a token that is unknown and not of an issuer's form. Undefined =
   * the call may have a caller, which `find` tells. Never waits, and remembers nothing.
   */
  readonly refusalOfStranger: LookUp["refusalOfStranger"];
  /** Whether calls have to show who they are by. */
  readonly askCredentials: boolean;
  /** Reads the callers' file anew. A broken file is logged and changes nothing. */
  readonly reload: () => void;
  /** Ends the watch over the callers' file. */
  readonly stop: () => void;
};

/** The options of `loadCallers`. */
export type CallersOptions = Pick<Surroundings, "isTrusted"> & {
  readonly config: Pick<Config, "tokenFile" | "peers">;
  readonly log: Logger;
  /** The names of all permissions. Default: those of userd itself. */
  readonly known?: readonly string[] | undefined;
  /** The times of fetching keys of issuers. Only tests set them. */
  readonly keyTimes?: KeyTimes;
};

const watchCallersFile = (path: string, { config, log, known = permissions, isTrusted, keyTimes }: CallersOptions): Callers => {
  const refuse = (faults: readonly string[]) => new ConfigError(faults.map((fault) => `TOKEN_FILE ${path}: ${fault}`).join("\n"));
  const watch = createFileWatch([path]);
  const sources = createKeySources(log, keyTimes);
  const surroundings = { isTrusted, originOf: createOriginOf(config.peers) };

  let inUse: readonly OpenIssuer[] = [];

  const load = (): LookUp => {
    let text: string;
    try {
      text = watch.files[0]?.read() ?? "";
    } catch (error) {
      throw refuse([`can't be read (${(error as NodeJS.ErrnoException).code})`]);
    }
    const { entries, issuers, faults } = parseCallersFile(text, known);
    const found = [...faults];
    const opened = sources.open(issuers, found);
    if (found.length === 0) inUse = opened;
    sources.keepOnly(inUse);
    if (found.length > 0) throw refuse(found);
    return createLookUp(entries, inUse, surroundings);
  };

  let lookUp = load();
  const reload = () => {
    try {
      lookUp = load();
      log.info("the callers' file was read again");
    } catch (error) {
      log.error({ err: error }, "the callers' file is broken; the callers of before stay");
    }
  };
  watch.start(reload);
  const stop = () => {
    watch.stop();
    sources.keepOnly([]);
  };
  return {
    find: (credentials) => lookUp.find(credentials),
    refusalOfStranger: (authorization, hasCertificate) => lookUp.refusalOfStranger(authorization, hasCertificate),
    askCredentials: true,
    reload,
    stop,
  };
};

/** Makes the `Callers` of a service without a callers' file: every call is by the caller `local`, who has all permissions. */
export const localCallers = (known: readonly string[] = permissions): Callers => {
  const local: Found = {
    caller: { name: "local", permissions: new Set(known) },
    networks: undefined,
    notBefore: -Infinity,
    notAfter: Infinity,
    binding: undefined,
  };
  return { find: () => local, refusalOfStranger: () => undefined, askCredentials: false, reload: () => {}, stop: () => {} };
};

/**
 * Makes the `Callers` of the callers' file, which SECURITY.md describes, and reads the file again when it changes.
 * @throws ConfigError that names all faults of the file, and no hash.
 */
export const loadCallers = (options: CallersOptions): Callers =>
  options.config.tokenFile === undefined ? localCallers(options.known) : watchCallersFile(options.config.tokenFile, options);
