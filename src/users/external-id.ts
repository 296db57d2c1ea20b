import { hash } from "node:crypto";

/**
 * Makes the canonical name of an external id, for locks and versions: a hash, which case folding does not change, since external ids are
 * compared exactly. No user is looked up by this name, so an equal username does no harm. The purge makes the same text in SQL.
 */
export const externalCanonicalName = (externalId: string): string => `external:${hash("sha256", externalId)}`;
