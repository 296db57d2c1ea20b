import type { VersionedAggregate } from "./aggregate.ts";

/** A notification: the aggregates that a commit has moved, with their new versions. Processes send it to each other. */
export type Notification = { readonly epoch: string; readonly aggregates: readonly VersionedAggregate[] };
