import type { Logger } from "pino";
import type { KeySource } from "./key-file.ts";
import { type Keys, MAX_KEYS_BYTES, parseKeys } from "./keys.ts";

/** The times of fetching keys, in milliseconds. Tests shorten them. */
export type KeyTimes = {
  /** The time in which a key set has to arrive. */
  readonly patience: number;
  /** The time between two fetches that nobody asks for. */
  readonly interval: number;
  /** The least time between two fetches, whatever tokens come: strangers can make up names of keys. */
  readonly pause: number;
  /** The time for which keys are used that can't be fetched again. */
  readonly age: number;
};

const usual: KeyTimes = { patience: 3_000, interval: 5 * 60_000, pause: 10_000, age: 60 * 60_000 };

const bodyOf = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_KEYS_BYTES) throw new Error(`has more than ${MAX_KEYS_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};

const get = async (url: string, patience: number): Promise<Keys> => {
  const response = await fetch(url, { redirect: "error", headers: { accept: "application/json" }, signal: AbortSignal.timeout(patience) });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`is answered with the status ${response.status}`);
  }
  return parseKeys(await bodyOf(response));
};

/**
 * Fetches keys from a URL: at once, every 5 minutes, and when a token names a key that is not among them. Meanwhile the keys of before are
 * used; calls wait for a fetch only when there is no key for their token.
 */
export const openKeyUrl = (url: string, log: Logger, { patience, interval, pause, age }: KeyTimes = usual): KeySource => {
  let keys: Keys | undefined;
  let [begun, succeeded] = [-Infinity, -Infinity];
  let pending: Promise<void> | undefined;
  let isFailing = false;

  const take = (fetched: Keys): void => {
    succeeded = performance.now();
    if (isFailing) log.info({ url }, "the keys of an issuer can be fetched again");
    isFailing = false;
    // Tokens that were verified with other keys than these are verified again.
    if (fetched.text !== keys?.text) keys = fetched;
  };
  const fail = (error: unknown): void => {
    if (!isFailing) log.error({ url, err: error }, "the keys of an issuer can't be fetched; those of before are used for an hour");
    isFailing = true;
  };
  const renew = (): Promise<void> | undefined => {
    if (pending !== undefined) return pending;
    if (performance.now() - begun < pause) return undefined;
    begun = performance.now();
    pending = get(url, patience)
      .then(take, fail)
      .finally(() => (pending = undefined));
    return pending;
  };
  void renew();
  const timer = setInterval(() => void renew(), interval).unref();

  return {
    current: () => (performance.now() - succeeded < age ? keys : undefined),
    renew,
    stop: () => clearInterval(timer),
  };
};
