import { hash } from "node:crypto";

/**
 * Makes the canonical name of an external id, for locks and versions: a hash in hex, since case folding would change the id itself. The database
 * finds users by the external id, so a username equal to this name does no harm. The purge and the import make the same text in SQL.
 */
export const externalCanonicalName = (externalId: string): string => `external:${hash("sha256", externalId)}`;
