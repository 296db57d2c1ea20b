import { createHash } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import { invalidField } from "../errors.ts";
import { createSeal } from "../secrets.ts";

/** How many results a page has when the request does not say. */
export const DEFAULT_PAGE_SIZE = 50;
/** Most results of a page; a larger size is taken as this one. */
export const MAX_PAGE_SIZE = 1_000;

/** The request of a list. */
export type PageRequest = { readonly pageSize: number; readonly pageToken: string };

/** One page of a list in keyset order: no count, no offset. */
export type Page = {
  readonly size: number;
  /** The key of the last result of the page before; undefined = this is the first. */
  readonly after: readonly string[] | undefined;
  /**
   * Cuts what was read, `size + 1` rows at most, to the page; the row too many only says that there is another one.
   * @param keyOf the keyset key of a row, which ends in the id.
   */
  readonly cut: <T>(
    rows: readonly T[],
    keyOf: (row: T) => readonly (string | bigint | number)[],
  ) => { rows: readonly T[]; nextPageToken: string };
};

/** Reads page tokens and makes them; they are bound to the caller and to the query, and hold nothing but the last key. */
export type Pager = <S extends DescMessage>(call: Call, schema: S, request: MessageShape<S> & PageRequest) => Page;

/** Everything but the page itself: the same for all pages of one list. */
const queryOf = <S extends DescMessage>(call: Call, schema: S, request: MessageShape<S> & PageRequest): string => {
  const query = { ...request, pageSize: 0, pageToken: "", consistency: undefined };
  return createHash("sha256")
    .update(call.method)
    .update("\0")
    .update(call.caller.name)
    .update("\0")
    .update(toBinary(schema, query))
    .digest("base64url")
    .slice(0, 22);
};

/** Makes the pager of one secret key. */
export const createPager = (secretKey: Uint8Array): Pager => {
  const seal = createSeal(secretKey, "page-token");
  return (call, schema, request) => {
    const query = queryOf(call, schema, request);
    const size = request.pageSize === 0 ? DEFAULT_PAGE_SIZE : Math.min(request.pageSize, MAX_PAGE_SIZE);
    const read = (): readonly string[] => {
      const payload = seal.open(request.pageToken);
      const [of, ...key] = payload === undefined ? [] : (JSON.parse(payload) as string[]);
      if (of !== query) throw invalidField("page_token", "is not of this query", "PAGE_TOKEN_MISMATCH");
      return key;
    };
    return {
      size,
      after: request.pageToken === "" ? undefined : read(),
      cut: (rows, keyOf) => {
        const page = rows.slice(0, size);
        const last = page.at(-1);
        if (rows.length <= size || last === undefined) return { rows: page, nextPageToken: "" };
        return { rows: page, nextPageToken: seal.seal(JSON.stringify([query, ...keyOf(last).map(String)])) };
      },
    };
  };
};
