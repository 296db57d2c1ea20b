import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { reasonOf } from "../../../../src/client/errors.ts";
import type { WatchChangesRequestSchema } from "../../../../src/gen/userd/v1/change_pb.ts";
import type { Certificate as CertificateMessage } from "../../../../src/gen/userd/v1/consistency_pb.ts";
import { ErrorReason } from "../../../../src/gen/userd/v1/errors_pb.ts";
import type { Userd } from "../connect.ts";
import type { Certificate } from "./protocol.ts";
import type { Feed } from "./watch.ts";

/** Returns a time of the database in milliseconds. What is less than one is cut off: a time is never later than it was. */
const toMs = (time: Timestamp): number => timestampMs({ ...time, nanos: time.nanos - (time.nanos % 1_000_000) });

/** Returns the certificate of an answer as the protocol has it; undefined = the service is older than certificates. */
export const toCertificate = (message: CertificateMessage | undefined): Certificate | undefined => {
  if (message?.time === undefined) return undefined;
  const { aggregates, time, validUntil, epoch, configurationRevision: configuration } = message;
  return { aggregates, time: toMs(time), validUntil: validUntil ? toMs(validUntil) : Number.POSITIVE_INFINITY, epoch, configuration };
};

/** The reasons that say of a position that it leads nowhere any more. */
const lost: ReadonlySet<ErrorReason | undefined> = new Set([
  ErrorReason.POSITION_INVALID,
  ErrorReason.POSITION_EXPIRED,
  ErrorReason.POSITION_OF_ANOTHER_EPOCH,
]);

/** Makes the port of a service's feed, of the aggregates of some kinds. */
export const createFeed = (userd: Userd, aggregateKinds: Iterable<string>, bookmarkIntervalMs: number): Feed => {
  const filter = { aggregateKinds: [...aggregateKinds] };
  const bookmarkInterval = { seconds: BigInt(Math.floor(bookmarkIntervalMs / 1_000)), nanos: (bookmarkIntervalMs % 1_000) * 1_000_000 };
  return {
    watch: async function* (position, signal) {
      const start = position === undefined ? { case: "now" as const, value: true } : { case: "position" as const, value: position };
      const request: MessageInitShape<typeof WatchChangesRequestSchema> = { filter, start, bookmarkInterval };
      for await (const { changes, bookmark } of userd.changes.watchChanges(request, { signal })) {
        if (bookmark === undefined) yield { changes, bookmark };
        else {
          const { position, time, epoch, configurationRevision: configuration } = bookmark;
          yield { changes, bookmark: { position, time: time && toMs(time), epoch, configuration } };
        }
      }
    },
    databaseTime: async () => {
      const { time, epoch } = await userd.changes.getFeedPosition({});
      if (time === undefined) throw new Error("The service did not tell the time of its database.");
      // Cut off, the time would make entries younger by less than a millisecond.
      return { time: toMs(time) + 1, epoch };
    },
    isPositionLost: (error) => lost.has(reasonOf(error)),
  };
};
