import { conflict } from "../errors.ts";

/** The etag of a row whose id is never used twice: the number of its writes. */
export const etagOf = ({ version }: { readonly version: number }): string => String(version);

/** The etag of a row that can be deleted and made anew under its name: an etag of its first life does not fit its second. */
export const etagOfLife = ({ id, version }: { readonly id: bigint; readonly version: number }): string => `${id}.${version}`;

/**
 * Checks that the etag of a request is the stored one; an empty one asks for no check.
 * @param current the stored etag; undefined when nothing is stored.
 * @param what the noun for what has changed, for the sentence of the error.
 * @throws ABORTED ETAG_MISMATCH, with the current etag in the metadata unless nothing is stored.
 */
export const requireEtag = (etag: string, current: string | undefined, what: string): void => {
  if (etag === "" || etag === current) return;
  if (current === undefined) throw conflict("ETAG_MISMATCH", `There is no such ${what} any more.`);
  throw conflict("ETAG_MISMATCH", `The ${what} has changed since.`, { metadata: { etag: current } });
};
