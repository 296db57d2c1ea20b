import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { invalidField } from "../errors.ts";
import type { CertificateSchema, Consistency } from "../gen/userd/v1/consistency_pb.ts";
import type { ConsistencyToken, ConsistencyTokens } from "../versions/token.ts";
import { createFoundations, toCertificate } from "./certificate.ts";
import { type ReadConsistency, withinBound } from "./read-consistency.ts";

/** The functions that read the field `consistency` of a request: one for reads through the cache, and one for reads without the cache. */
export type Freshness = {
  /** Returns how fresh a read through the cache has to be for a request; with `certify` it collects what the answer rests on. */
  readonly reading: (consistency: Consistency | undefined, certify?: boolean) => ReadConsistency;
  /** Makes the field `certificate` of an answer; none without `certify`, or where nothing can be certified. */
  readonly certificateOf: (reading: ReadConsistency) => { readonly certificate?: MessageInitShape<typeof CertificateSchema> };
  /** Checks `consistency` before a read that nothing caches. Such a read satisfies all modes; only a token not issued here is refused. */
  readonly check: (call: Call, consistency: Consistency | undefined) => Promise<void> | undefined;
};

const FIELD = "consistency.at_least_as_fresh";

/** Makes the fields `stale` and `age` of an answer. The answer to a request without `max_stale` has neither. */
export const stalenessOf = ({ maxStaleMs, stale, ageMs }: ReadConsistency): { stale?: boolean; age?: Duration } =>
  maxStaleMs === undefined ? {} : { stale, age: durationFromMs(Math.max(0, Math.ceil(ageMs))) };

/**
 * Makes the functions that read the field `consistency`. With `isCaching` false every read asks the database. Certificates name the configuration
 * that `configurationRevision` returns.
 */
export const createFreshness = (
  db: Database,
  tokens: ConsistencyTokens,
  isCaching: boolean,
  configurationRevision: () => string,
): Freshness => {
  const read = (text: string): ConsistencyToken => {
    const token = tokens.read(text);
    if (token === undefined) throw invalidField(FIELD, "is not a token of this service", "TOKEN_INVALID");
    return token;
  };

  // A token of an older epoch says nothing about this one and is ignored.
  const refuseFuture = async (call: Call, text: string): Promise<void> => {
    const token = read(text);
    const aggregates = token.aggregates.filter(({ kind }) => kind !== "canonical_name");
    const row = await db.session(call).row(sql<{ epoch: string; behind: boolean }>`
      select current_epoch() as epoch, exists (
        select from unnest(
          ${aggregates.map(({ kind }) => kind)}::text[],
          ${aggregates.map(({ id }) => String(id))}::bigint[],
          ${aggregates.map(({ version }) => String(version))}::bigint[]
        ) as t (kind, id, version)
        left join aggregate_version s on s.kind = t.kind and s.id = t.id
        where coalesce(s.version, 0) < t.version
      ) as behind`);
    if (row?.epoch === token.epoch && row.behind) throw invalidField(FIELD, "is newer than the database", "TOKEN_INVALID");
  };

  return {
    reading: (consistency, certify = false) => {
      if (consistency === undefined && isCaching && !certify) return withinBound;
      const { mode, maxStale } = consistency ?? {};
      return {
        strong: !isCaching || mode?.case === "fullyConsistent",
        token: mode?.case === "atLeastAsFresh" ? read(mode.value) : undefined,
        maxStaleMs: maxStale && durationMs(maxStale),
        ageMs: 0,
        stale: false,
        ...(certify && { foundations: createFoundations() }),
      };
    },
    certificateOf: ({ foundations }) => {
      const certificate = foundations && toCertificate(foundations, configurationRevision());
      return certificate === undefined ? {} : { certificate };
    },
    check: (call, consistency) => (consistency?.mode.case === "atLeastAsFresh" ? refuseFuture(call, consistency.mode.value) : undefined),
  };
};
