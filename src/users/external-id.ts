import { hash } from "node:crypto";

/**
 * Makes the canonical name of an external id: a hash, since external ids are compared exactly and case folding leaves the hash
 * as it is. It is what is locked and has a version. Users are not looked up by it, so a username that looks the same does no
 * harm. The purge makes the same text in SQL.
 */
export const externalCanonicalName = (externalId: string): string => `external:${hash("sha256", externalId)}`;
