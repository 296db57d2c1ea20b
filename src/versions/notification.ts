import type { VersionedSubject } from "./subject.ts";

/** What has been committed, as processes tell it to each other. */
export type Notification = { readonly epoch: string; readonly subjects: readonly VersionedSubject[] };
