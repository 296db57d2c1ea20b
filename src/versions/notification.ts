import type { VersionedAggregate } from "./aggregate.ts";

/** A message from one process to the others: the aggregates that a commit has changed, with their new versions. */
export type Notification = { readonly epoch: string; readonly aggregates: readonly VersionedAggregate[] };
