import { create } from "@bufbuild/protobuf";
import type { Named } from "../../../../src/client/named.ts";
import { type CheckAccessResponse, CheckAccessResponseSchema } from "../../../../src/gen/userd/v1/access_pb.ts";
import { AccessRelation } from "../../../../src/gen/userd/v1/access_relation_pb.ts";
import {
  type GetOptionResponse,
  GetOptionResponseSchema,
  type ResolvedOptions,
  ResolvedOptionsSchema,
} from "../../../../src/gen/userd/v1/user_option_service_pb.ts";
import { type User, UserSchema, UserView } from "../../../../src/gen/userd/v1/user_pb.ts";
import type { Userd } from "../connect.ts";
import { createFeed, toCertificate } from "./feed.ts";
import { checkKey, optionKey, resolvedKey, type Scope, userKey } from "./keys.ts";
import { type AggregateVersion, createProtocol } from "./protocol.ts";
import { createReader } from "./reader.ts";
import type { NearCacheStats } from "./stats.ts";
import { watchFeed } from "./watch.ts";

/** The options of `openNearCache`. */
export type NearCacheOptions = {
  /** The most that a kept answer may be out of date when a read begins, in milliseconds. Default: 2,000, as the service's. */
  readonly boundMs?: number;
  /** The service's own bound, CACHE_STALENESS_MS. Default: 2,000. */
  readonly serverBoundMs?: number;
  /** The longest time that a read of this client takes, in milliseconds; at least its deadline. Default: 4,000. */
  readonly longestCallMs?: number;
  /** The most memory, in bytes. Default: 64 MiB. */
  readonly maxBytes?: number;
  /** Keep access checks, and users with their permissions. Default: false. */
  readonly cachePermissions?: boolean;
  /** Hears of errors of the feed; the near cache goes on by itself. */
  readonly onError?: (error: unknown) => void;
};

/** The subject of an access check: what belongs to a profile, or a registered resource. */
export type AccessTarget =
  | {
      /** The id of the profile. */
      readonly ownerProfileId: bigint;
    }
  | {
      /** The id of the resource. */
      readonly resourceId: bigint;
    };

/**
 * Reads that are answered from this process's memory where the feed vouches for it. A hit is the answer itself, a miss a promise of it;
 * `await` takes both. Answers are shared, and frozen.
 */
export type NearCache = Disposable & {
  /** The options of users. */
  readonly options: {
    /** GetOption. */
    readonly get: (userId: bigint, key: string, scope?: Scope) => GetOptionResponse | Promise<GetOptionResponse>;
    /** ResolveOptions of one user. */
    readonly resolve: (userId: bigint, keys: readonly string[], scope?: Scope) => ResolvedOptions | Promise<ResolvedOptions>;
  };
  /** Users. */
  readonly users: {
    /** GetUser; the basic view unless another one is asked for. The full one, which has permissions, is kept with `cachePermissions` alone. */
    readonly get: (id: bigint, view?: UserView) => User | Promise<User>;
  };
  /** What users may see. */
  readonly access: {
    /** CheckAccess; kept with `cachePermissions` alone. */
    readonly check: (userId: bigint, target: AccessTarget, relation?: AccessRelation) => CheckAccessResponse | Promise<CheckAccessResponse>;
  };
  /** Returns the counters, and how far the near cache is behind. */
  readonly stats: () => NearCacheStats;
  /** Calls a function with the changes that arrive; returns how to stop that. */
  readonly onChange: (listener: (changes: readonly AggregateVersion[]) => void) => () => void;
  /** Calls a function when the feed begins, or ceases, to vouch for entries, within a second of it; returns how to stop that. */
  readonly onLive: (listener: (isLive: boolean) => void) => () => void;
  /** Resolves once the feed vouches for entries. */
  readonly live: () => Promise<void>;
  /** Ends the feed. Every read is an RPC from then on. */
  readonly close: () => void;
};

/** The kinds of aggregates that answers of these reads rest on. */
const aggregateKinds: ReadonlySet<string> = new Set(["user", "organization", "project", "global", "roles", "account"]);

/** Returns the aggregates that a write has changed, by what it named; undefined = unknown. */
const aggregatesOf = (named: Named): readonly string[] | undefined => {
  const aggregates = [...named]
    .map((name) => name.replace(":", "/"))
    .filter((name) => aggregateKinds.has(name.slice(0, name.indexOf("/"))));
  // A profile belongs to an account, which its id does not tell.
  const isComplete = ![...named].some((name) => name.startsWith("profile:")) || aggregates.some((name) => name.startsWith("account/"));
  return aggregates.length > 0 && isComplete ? aggregates : undefined;
};

const strong = { consistency: { mode: { case: "fullyConsistent" as const, value: true } } };

/** Opens a near cache over a client. Its caller needs the permission `changes.read`. */
export const openNearCache = (userd: Userd, options: NearCacheOptions = {}): NearCache => {
  const { boundMs = 2_000, serverBoundMs = 2_000, longestCallMs = 4_000, maxBytes = 64 * 2 ** 20, cachePermissions = false } = options;
  const clock = () => performance.now();
  const protocol = createProtocol({ boundMs, serverBoundMs, longestCallMs, maxBytes, aggregateKinds, clock });
  const reader = createReader(protocol, clock);
  const closing = new AbortController();
  const listeners = new Set<(changes: readonly AggregateVersion[]) => void>();
  const live = Promise.withResolvers<void>();
  const isLive = (): boolean => (protocol.stats().lagMs ?? Number.POSITIVE_INFINITY) <= boundMs;
  const bookmarkMs = Math.min(Math.max(Math.round(boundMs / 4), 100), 10_000);
  void watchFeed({
    feed: createFeed(userd, aggregateKinds, bookmarkMs),
    protocol,
    clock,
    silenceMs: Math.max(bookmarkMs * 5, 5_000),
    signal: closing.signal,
    onMessage: ({ changes }) => {
      if (isLive()) live.resolve();
      if (changes.length > 0) for (const listener of listeners) listener(changes);
    },
    onError: options.onError ?? (() => {}),
  });
  const stopListening = userd.onWrite((named) => {
    protocol.wrote(aggregatesOf(named));
    reader.detach();
  });

  const getOption = (userId: bigint, key: string, scope: Scope | undefined) =>
    reader.fetch(optionKey(userId, key, scope), GetOptionResponseSchema, async (isStrong) => {
      const { projectId = 0n, organizationId = 0n } = scope ?? {};
      const request = { userId, key, projectId, organizationId, certify: true };
      const answer = await userd.options.getOption(isStrong ? { ...request, ...strong } : request);
      return { answer, certificate: toCertificate(answer.certificate) };
    });
  const resolve = (userId: bigint, keys: readonly string[], scope: Scope | undefined) =>
    reader.fetch(resolvedKey(userId, keys, scope), ResolvedOptionsSchema, async (isStrong) => {
      const { projectId = 0n, organizationId = 0n } = scope ?? {};
      const request = { userIds: [userId], keys: [...keys], projectId, organizationId, certify: true };
      const { results, certificate } = await userd.options.resolveOptions(isStrong ? { ...request, ...strong } : request);
      return { answer: results[0] ?? create(ResolvedOptionsSchema, { userId }), certificate: toCertificate(certificate) };
    });
  const getUser = (id: bigint, view: UserView) =>
    reader.fetch(userKey(id, view), UserSchema, async (isStrong) => {
      const certify = view === UserView.BASIC || cachePermissions;
      const { user, certificate } = await userd.users.getUser({ id, view, certify, ...(isStrong && strong) });
      return { answer: user ?? create(UserSchema, { id }), certificate: toCertificate(certificate) };
    });
  const check = (key: string, userId: bigint, target: AccessTarget, relation: AccessRelation) =>
    reader.fetch(key, CheckAccessResponseSchema, async (isStrong) => {
      const subject =
        "resourceId" in target
          ? { case: "resource" as const, value: { ref: { case: "id" as const, value: target.resourceId } } }
          : { case: "ownerProfileId" as const, value: target.ownerProfileId };
      const request = { userId, relation, target: subject, certify: cachePermissions };
      const answer = await userd.profiles.checkAccess(isStrong ? { ...request, ...strong } : request);
      return { answer, certificate: toCertificate(answer.certificate) };
    });

  const close = () => {
    closing.abort();
    stopListening();
    protocol.restarted();
  };
  return {
    options: {
      get: (userId, key, scope) => protocol.get<GetOptionResponse>(optionKey(userId, key, scope)) ?? getOption(userId, key, scope),
      resolve: (userId, keys, scope) => protocol.get<ResolvedOptions>(resolvedKey(userId, keys, scope)) ?? resolve(userId, keys, scope),
    },
    users: { get: (id, view = UserView.BASIC) => protocol.get<User>(userKey(id, view)) ?? getUser(id, view) },
    access: {
      check: (userId, target, relation = AccessRelation.READ) => {
        const key =
          "resourceId" in target
            ? checkKey(userId, relation, "r", target.resourceId)
            : checkKey(userId, relation, "p", target.ownerProfileId);
        return protocol.get<CheckAccessResponse>(key) ?? check(key, userId, target, relation);
      },
    },
    stats: protocol.stats,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onLive: (listener) => {
      let last = isLive();
      const timer = setInterval(() => {
        const current = isLive();
        if (current !== last) listener(current);
        last = current;
      }, 500).unref();
      return () => clearInterval(timer);
    },
    live: () => live.promise,
    close,
    [Symbol.dispose]: close,
  };
};
