import type { Logger } from "pino";
import type { Issuer } from "./issuer.ts";
import { type KeySource, openKeyFile } from "./key-file.ts";
import { type KeyTimes, openKeyUrl } from "./key-url.ts";
import type { OpenIssuer } from "./look-up.ts";

/** The places that the keys of issuers come from. They outlive a reading of the callers' file, as the keys do that were fetched. */
export type KeySources = {
  /** Opens the sources of some issuers. Adds a fault for each that can't be used; then nothing changes. */
  readonly open: (issuers: readonly Issuer[], faults: string[]) => readonly OpenIssuer[];
  /** Closes the sources that none of these issuers has. */
  readonly keepOnly: (issuers: readonly OpenIssuer[]) => void;
};

/** Makes the collection of the sources of keys, which is empty at first. */
export const createKeySources = (log: Logger, times?: KeyTimes): KeySources => {
  const sources = new Map<string, KeySource>();

  const open = ({ kind, at }: Issuer["keys"]): KeySource => {
    const known = sources.get(at);
    if (known !== undefined) return known;
    const source = kind === "url" ? openKeyUrl(at, log, times) : openKeyFile(at, log);
    sources.set(at, source);
    return source;
  };

  return {
    open: (issuers, faults) =>
      issuers.flatMap((issuer): OpenIssuer[] => {
        try {
          return [{ ...issuer, source: open(issuer.keys) }];
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          faults.push(`the jwks_file ${issuer.keys.at} ${code === undefined ? message : `can't be read (${code})`}`);
          return [];
        }
      }),
    keepOnly: (issuers) => {
      const kept = new Set(issuers.map(({ source }) => source));
      for (const [at, source] of sources) {
        if (kept.has(source)) continue;
        source.stop();
        sources.delete(at);
      }
    },
  };
};
