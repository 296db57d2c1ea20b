import type { VersionedAggregate } from "./aggregate.ts";

/** A message from one process to the others: the aggregates that a commit has changed, with their new versions. */
export type Notification = { readonly epoch: string; readonly aggregates: readonly VersionedAggregate[] };

/** A notification in JSON. Versions and ids are text: JSON numbers end at 2^53. */
export type NotificationJson = readonly [
  epoch: string,
  aggregates: readonly (readonly [kind: VersionedAggregate["kind"], id: string, version: string])[],
];

/** Returns a notification as JSON has it. */
export const notificationToJson = ({ epoch, aggregates }: Notification): NotificationJson => [
  epoch,
  aggregates.map(({ kind, id, version }) => [kind, String(id), String(version)]),
];

/** Returns a notification that was JSON. */
export const notificationFromJson = ([epoch, aggregates]: NotificationJson): Notification => ({
  epoch,
  aggregates: aggregates.map(([kind, id, version]) => ({ kind, id: BigInt(id), version: BigInt(version) })),
});
