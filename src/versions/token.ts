import { createSeal } from "../secrets/secrets.ts";
import type { AggregateKind, VersionedAggregate } from "./aggregate.ts";

/** The content of a consistency token: an epoch, and aggregates, each with the lowest version that a read with the token may show. */
export type ConsistencyToken = {
  readonly epoch: string;
  readonly aggregates: readonly VersionedAggregate[];
  /** The time of the database after the commit, in milliseconds since the epoch, for a write whose aggregates are too many to name, or none. */
  readonly time?: number;
};

/** The functions that make and read consistency tokens. A token is authenticated, so that callers can't make up tokens. */
export type ConsistencyTokens = {
  readonly issue: (token: ConsistencyToken) => string;
  /** Returns the content of a token; undefined = it was not made with this key. */
  readonly read: (text: string) => ConsistencyToken | undefined;
};

/** The most aggregates that a consistency token names. The token of a write that changes more aggregates has the time of the commit instead. */
export const MAX_TOKEN_AGGREGATES = 16;

type Payload = [epoch: string, aggregates: [kind: AggregateKind, id: string, version: string][], time?: number];

/** Makes the functions that make and read consistency tokens with a secret key. */
export const createConsistencyTokens = (secretKey: Uint8Array): ConsistencyTokens => {
  const seal = createSeal(secretKey, "consistency-token");
  return {
    issue: ({ epoch, aggregates, time }) => {
      const payload: Payload = [epoch, aggregates.map(({ kind, id, version }) => [kind, String(id), String(version)])];
      if (time !== undefined) payload.push(time);
      return seal.seal(JSON.stringify(payload));
    },
    read: (text) => {
      const payload = seal.open(text);
      if (payload === undefined) return undefined;
      const [epoch, aggregates, time] = JSON.parse(payload) as Payload;
      return {
        epoch,
        aggregates: aggregates.map(([kind, id, version]) => ({ kind, id: BigInt(id), version: BigInt(version) })),
        ...(time !== undefined && { time }),
      };
    },
  };
};
