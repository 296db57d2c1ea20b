import { conflict } from "../errors.ts";

/** Makes the etag of a row whose id is never used twice: the number of its writes. */
export const etagOf = ({ version }: { readonly version: number }): string => String(version);

/** Makes the etag of a row that can be deleted and created again under the same name; an etag of the deleted row does not match the new row. */
export const etagOfLife = ({ id, version }: { readonly id: bigint; readonly version: number }): string => `${id}.${version}`;

/**
 * Checks that the etag of a request is empty or equals the current etag; `current` is undefined when nothing is stored. `what` names the
 * stored thing in the error message.
 * @throws ABORTED ETAG_MISMATCH, with the current etag in the metadata unless nothing is stored.
 */
export const requireEtag = (etag: string, current: string | undefined, what: string): void => {
  if (etag === "" || etag === current) return;
  if (current === undefined) throw conflict("ETAG_MISMATCH", `There is no such ${what} any more.`);
  throw conflict("ETAG_MISMATCH", `The ${what} has changed since.`, { metadata: { etag: current } });
};
