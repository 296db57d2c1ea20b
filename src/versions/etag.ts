import { conflict } from "../errors.ts";

/** The etag of a row whose id is never used twice: the count of its writes. */
export const etagOf = ({ version }: { readonly version: number }): string => String(version);

/** The etag of a row that can be deleted and made anew under its name: an etag of its first life must not fit the second. */
export const etagOfLife = ({ id, version }: { readonly id: bigint; readonly version: number }): string => `${id}.${version}`;

/**
 * Compares the etag that a change is based on with the one that is stored; an empty one asks for no check.
 * @param current undefined when nothing is stored.
 * @param what what has changed, for the sentence.
 * @throws ABORTED ETAG_MISMATCH, with the current etag in the metadata unless nothing is stored.
 */
export const requireEtag = (etag: string, current: string | undefined, what: string): void => {
  if (etag === "" || etag === current) return;
  if (current === undefined) throw conflict("ETAG_MISMATCH", `There is no such ${what} any more.`);
  throw conflict("ETAG_MISMATCH", `The ${what} has changed since.`, { metadata: { etag: current } });
};
