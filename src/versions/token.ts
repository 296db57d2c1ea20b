import { createSeal } from "../secrets/secrets.ts";
import type { SubjectKind, VersionedSubject } from "./subject.ts";

/** What a consistency token says: in this epoch, these subjects have at least these versions. */
export type ConsistencyToken = {
  readonly epoch: string;
  readonly subjects: readonly VersionedSubject[];
  /** Instead of many subjects: the time of the database, read after the commit, in milliseconds since the epoch. */
  readonly time?: number;
};

/** Makes and reads consistency tokens: opaque and authenticated, so that no caller can name a version of its own. */
export type ConsistencyTokens = {
  readonly issue: (token: ConsistencyToken) => string;
  /** What the token says, or undefined when it was not made with this key. */
  readonly read: (text: string) => ConsistencyToken | undefined;
};

/** Most subjects that a token names; a write that touches more names the database time instead. */
export const MAX_TOKEN_SUBJECTS = 16;

type Payload = [epoch: string, subjects: [kind: SubjectKind, id: string, version: string][], time?: number];

/** Makes the tokens of one secret key. */
export const createConsistencyTokens = (secretKey: Uint8Array): ConsistencyTokens => {
  const seal = createSeal(secretKey, "consistency-token");
  return {
    issue: ({ epoch, subjects, time }) => {
      const payload: Payload = [epoch, subjects.map(({ kind, id, version }) => [kind, String(id), String(version)])];
      if (time !== undefined) payload.push(time);
      return seal.seal(JSON.stringify(payload));
    },
    read: (text) => {
      const payload = seal.open(text);
      if (payload === undefined) return undefined;
      const [epoch, subjects, time] = JSON.parse(payload) as Payload;
      return {
        epoch,
        subjects: subjects.map(([kind, id, version]) => ({ kind, id: BigInt(id), version: BigInt(version) })),
        ...(time !== undefined && { time }),
      };
    },
  };
};
