import { hash } from "node:crypto";

/**
 * Makes the canonical name of an external id, for locks and versions. It is a hash: external ids are compared exactly, and case folding
 * leaves a hash as it is. Users are not looked up by it, so an equal username does no harm. The purge makes the same text in SQL.
 */
export const externalCanonicalName = (externalId: string): string => `external:${hash("sha256", externalId)}`;
