import { clone, type DescMethod, type Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { isRead } from "./methods.ts";
import { type Named, namedIn } from "./named.ts";

/** A write that is remembered: what it named, its token, and the time when it was answered. */
type Write = { readonly named: Named; readonly token: string; readonly at: number };

/** A function that hears of each write that was answered, and of what it named. */
export type OnWrite = (named: Named) => void;

/** The options of `carryTokens`. */
export type TokenOptions = {
  /** How long a write is remembered, in milliseconds. Longer than the service's staleness bound it has no effect: 30 s is the most of those. */
  readonly forMs: number;
  readonly clock: () => number;
  readonly onWrite: OnWrite;
};

/** The most writes that are remembered; beyond them a read asks for the latest state. */
const MAX_WRITES = 10_000;

const isSubset = (some: Named, all: Named): boolean => [...some].every((name) => all.has(name));

/** The writes of the last seconds, by what they named. A write that named nothing may have changed whatever a read asks for. */
const createMemory = ({ forMs, clock }: TokenOptions) => {
  const writes = new Set<Write>();
  const byName = new Map<string, Set<Write>>();
  let forgotten = Number.NEGATIVE_INFINITY;
  const keysOf = ({ named }: Write): Iterable<string> => (named.size === 0 ? ["*"] : named);
  const drop = (write: Write): void => {
    writes.delete(write);
    for (const key of keysOf(write)) {
      const ofKey = byName.get(key);
      ofKey?.delete(write);
      if (ofKey?.size === 0) byName.delete(key);
    }
  };
  const prune = (now: number): void => {
    for (const write of writes) {
      const isTooMany = writes.size > MAX_WRITES;
      if (now - write.at <= forMs && !isTooMany) break;
      if (isTooMany) forgotten = now;
      drop(write);
    }
  };
  return {
    remember: (write: Write): void => {
      // The token of a later write to the same things stands for the earlier one too.
      for (const key of keysOf(write)) for (const earlier of byName.get(key) ?? []) if (isSubset(earlier.named, write.named)) drop(earlier);
      writes.add(write);
      for (const key of keysOf(write)) byName.set(key, (byName.get(key) ?? new Set()).add(write));
      prune(write.at);
    },
    /** The tokens of the writes that a read has to see; undefined = too many writes to tell. */
    tokensOf: (message: object): readonly string[] | undefined => {
      const now = clock();
      prune(now);
      if (now - forgotten <= forMs) return undefined;
      if (writes.size === 0) return [];
      const keys = ["*", ...namedIn(message)];
      return [...new Set(keys.flatMap((key) => [...(byName.get(key) ?? [])].map(({ token }) => token)))];
    },
  };
};

type Reading = Message & { consistency?: Consistency };

const takesConsistency = (method: DescMethod): boolean => "consistency" in method.input.field;

const modeFor = (tokens: readonly string[] | undefined): Consistency["mode"] | undefined => {
  if (tokens === undefined || tokens.length > 1) return { case: "fullyConsistent", value: true };
  const [token] = tokens;
  return token === undefined ? undefined : { case: "atLeastAsFresh", value: token };
};

/**
 * Makes an interceptor that lets reads see the writes of this client before them, on whatever instance. A read that names a user, an
 * organization or anything else that a write of the last seconds named carries the write's token; of several such writes, it asks for the
 * latest state. A read that says itself how fresh it has to be is left alone.
 */
export const carryTokens = (options: TokenOptions): Interceptor => {
  const memory = createMemory(options);
  return (next) => async (request) => {
    if (request.stream) return next(request);
    const { method, message } = request;
    if (isRead(method)) {
      if (!takesConsistency(method) || (message as Reading).consistency?.mode.case !== undefined) return next(request);
      const mode = modeFor(memory.tokensOf(message));
      if (mode === undefined) return next(request);
      const fresh = clone(method.input, message) as Reading;
      fresh.consistency = { $typeName: "userd.v1.Consistency", ...fresh.consistency, mode };
      return next({ ...request, message: fresh });
    }
    const response = await next(request);
    const token = (response.message as { consistencyToken?: string }).consistencyToken ?? "";
    if (token !== "") {
      const named = namedIn(message, response.message);
      memory.remember({ named, token, at: options.clock() });
      options.onWrite(named);
    }
    return response;
  };
};
