import type { VersionedAggregate } from "./aggregate.ts";

/** What has been committed, as processes tell it to each other. */
export type Notification = { readonly epoch: string; readonly aggregates: readonly VersionedAggregate[] };
