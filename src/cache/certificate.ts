import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CertificateSchema } from "../gen/userd/v1/consistency_pb.ts";
import type { Aggregate } from "../versions/aggregate.ts";

/** What the contents of an answer rest on, collected while they are read. Times are the database's, in milliseconds since the epoch. */
export type Foundations = {
  /** The versions, keyed by the name that the change feed has for an aggregate. */
  readonly versions: Map<string, bigint>;
  /** The epoch of the versions; undefined until something was read. */
  epoch: string | undefined;
  /** The time at which all aggregates had these versions. */
  time: number;
  /** The time from which the answer counts no more. */
  validUntil: number;
  /** Tells whether the answer has what nothing can be certified of: contents that are stale, or of two epochs. */
  isVoid: boolean;
};

/** A content of the cache that an answer has. */
type Foundation = { readonly epoch: string; readonly version: bigint; readonly databaseTime: number };

/** Makes the collection of what a certified answer rests on. */
export const createFoundations = (): Foundations => ({
  versions: new Map(),
  epoch: undefined,
  time: Infinity,
  validUntil: Infinity,
  isVoid: false,
});

/** Returns the name that the change feed has for an aggregate. */
const nameOf = ({ kind, id }: Aggregate): string => `${kind}/${kind === "canonical_name" ? id.toString(16).padStart(32, "0") : id}`;

/** Adds a content. Of contents of one aggregate at two versions, the lower one counts: the next change outdates the answer, or already has. */
export const restOn = (foundations: Foundations, aggregate: Aggregate, { epoch, version, databaseTime }: Foundation): void => {
  const { versions } = foundations;
  const name = nameOf(aggregate);
  const known = versions.get(name);
  versions.set(name, known !== undefined && known < version ? known : version);
  foundations.epoch ??= epoch;
  if (foundations.epoch !== epoch) foundations.isVoid = true;
  foundations.time = Math.min(foundations.time, databaseTime);
};

/** Limits the time for which an answer counts: something expires then. */
export const restUntil = (foundations: Foundations | undefined, time: number): void => {
  if (foundations !== undefined && time < foundations.validUntil) foundations.validUntil = time;
};

/** Notes that the answer has what no aggregate tells of: it counted when it was given, and nobody knows for how long. */
export const restOnNothing = (foundations: Foundations | undefined): void => restUntil(foundations, -Infinity);

/** Makes a timestamp of a time in milliseconds. What is less than a microsecond is cut off: a certificate is never younger than it was. */
const toTimestamp = (milliseconds: number): { readonly seconds: bigint; readonly nanos: number } => {
  const seconds = Math.floor(milliseconds / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.floor((milliseconds - seconds * 1_000) * 1_000) * 1_000 };
};

/** Makes the certificate of an answer; undefined = nothing can be said of it. */
export const toCertificate = (
  { versions, epoch, time, validUntil, isVoid }: Foundations,
  configurationRevision: string,
): MessageInitShape<typeof CertificateSchema> | undefined => {
  if (isVoid || epoch === undefined || !Number.isFinite(time)) return undefined;
  return {
    aggregates: [...versions].map(([aggregate, version]) => ({ aggregate, version })),
    time: toTimestamp(time),
    ...(validUntil !== Infinity && { validUntil: toTimestamp(Math.max(validUntil, time)) }),
    epoch,
    configurationRevision,
  };
};
