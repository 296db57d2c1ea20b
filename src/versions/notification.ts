import type { VersionedAggregate } from "./aggregate.ts";

/** The aggregates that have been committed, as processes tell each other. */
export type Notification = { readonly epoch: string; readonly aggregates: readonly VersionedAggregate[] };
