import { hash } from "node:crypto";

/**
 * The canonical name of an external id, which is compared exactly: folding leaves the hash as it is. Only versions go by it, so a
 * username that looks the same does no harm. The purge makes the same text in SQL.
 */
export const externalCanonicalName = (externalId: string): string => `external:${hash("sha256", externalId)}`;
