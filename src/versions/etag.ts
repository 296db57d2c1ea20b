import { conflict } from "../errors.ts";

/** Makes the etag of a row whose id is never used twice: the number of its writes. */
export const etagOf = ({ version }: { readonly version: number }): string => String(version);

/** Makes the etag of a row that can be deleted and created again under the same name. An etag of the deleted row does not fit the new one. */
export const etagOfLife = ({ id, version }: { readonly id: bigint; readonly version: number }): string => `${id}.${version}`;

/**
 * Checks an etag of a request, if not empty, against the stored one; undefined = nothing is stored. `what` is the noun for the error.
 * @throws ABORTED ETAG_MISMATCH, with the current etag in the metadata unless nothing is stored.
 */
export const requireEtag = (etag: string, current: string | undefined, what: string): void => {
  if (etag === "" || etag === current) return;
  if (current === undefined) throw conflict("ETAG_MISMATCH", `There is no such ${what} any more.`);
  throw conflict("ETAG_MISMATCH", `The ${what} has changed since.`, { metadata: { etag: current } });
};
