import { createHash } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import { type Call, MAX_RESPONSE_BYTES } from "../call.ts";
import { invalidField } from "../errors.ts";
import { createSeal } from "../secrets/secrets.ts";

/** The number of results of a page when the request names no page size. */
export const DEFAULT_PAGE_SIZE = 50;
/** The most results of a page; a request for a larger page gets a page of this size. */
export const MAX_PAGE_SIZE = 1_000;
/** The most bytes that the results of a page may take: the maximum of an answer, less 256 KiB for everything else in the answer. */
export const PAGE_BYTES = MAX_RESPONSE_BYTES - 256 * 1024;
/** The bytes of a result besides those that its size counts: ids, times, names. */
const RESULT_BYTES = 1_024;

/** The fields of a list's request that ask for a page. */
export type PageRequest = { readonly pageSize: number; readonly pageToken: string };

/** One page of a list. It begins after the key of the last result of the page before (keyset pagination). */
export type Page = {
  readonly size: number;
  /** The key of the last result of the page before; undefined = this is the first. */
  readonly after: readonly string[] | undefined;
  /**
   * Cuts the rows that were read, `size + 1` at most, to the page. The last of these only shows that another page follows.
   * @param keyOf the keyset key of a row, which ends in the id.
   * @param bytesOf the bytes of what can be large in a row; the page ends before its results take more than PAGE_BYTES.
   */
  readonly cut: <T>(
    rows: readonly T[],
    keyOf: (row: T) => readonly (string | bigint | number)[],
    bytesOf?: (row: T) => number,
  ) => { rows: readonly T[]; nextPageToken: string };
  /** Makes the token of a page that begins after a key, for a page that ends before its rows do. */
  readonly tokenAfter: (key: readonly (string | bigint | number)[]) => string;
};

/** A row with a column `bytes`, in which the statement computes the size of the row's large values. */
export type Sized = { readonly bytes: number };

/**
 * Wraps a query so that the last row is at most the one with which the sum of the column `bytes` reaches PAGE_BYTES. For each row, the
 * `bytesOf` given to `Page.cut` must return at least the value of this column.
 */
export const withinPage = <R>(query: RawBuilder<R>): RawBuilder<R> => sql<R>`
  select * from (
    select q.*, sum(coalesce(q.bytes, 0)) over (rows unbounded preceding) as upto from (${query}) q
  ) read where upto - coalesce(bytes, 0) < ${sql.lit(PAGE_BYTES)}`;

/** The number of rows, the first one always, that stay within the bytes of a page. */
const fitting = <T>(rows: readonly T[], bytesOf: (row: T) => number): number => {
  let left = PAGE_BYTES;
  for (const [index, row] of rows.entries()) {
    left -= bytesOf(row) + RESULT_BYTES;
    if (left <= 0) return Math.max(1, index);
  }
  return rows.length;
};

/**
 * A function that makes the `Page` that a request asks for. A page token is valid only for one caller and query, and holds the key of the
 * last result.
 */
export type Pager = <S extends DescMessage>(
  call: Call,
  schema: S,
  request: MessageShape<S> & PageRequest,
  /** The size when the request does not say. */
  defaultSize?: number,
) => Page;

/** The hash of a call's caller, RPC and request without its page: the same for all pages of one list. */
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

/** Makes the `Pager`. The secret key seals the page tokens, so that no caller can forge one. */
export const createPager = (secretKey: Uint8Array): Pager => {
  const seal = createSeal(secretKey, "page-token");
  return (call, schema, request, defaultSize = DEFAULT_PAGE_SIZE) => {
    // A first page that is also the last one needs no token, so the query is not hashed before one is read or made.
    let hashed: string | undefined;
    const query = (): string => (hashed ??= queryOf(call, schema, request));
    const size = request.pageSize === 0 ? defaultSize : Math.min(request.pageSize, MAX_PAGE_SIZE);
    const read = (): readonly string[] => {
      const payload = seal.open(request.pageToken);
      const [of, ...key] = payload === undefined ? [] : (JSON.parse(payload) as string[]);
      if (of !== query()) throw invalidField("page_token", "is not of this query", "PAGE_TOKEN_MISMATCH");
      return key;
    };
    const tokenAfter: Page["tokenAfter"] = (key) => seal.seal(JSON.stringify([query(), ...key.map(String)]));
    return {
      size,
      tokenAfter,
      after: request.pageToken === "" ? undefined : read(),
      cut: (rows, keyOf, bytesOf) => {
        const shown = bytesOf === undefined ? size : Math.min(size, fitting(rows, bytesOf));
        const page = rows.slice(0, shown);
        const last = page.at(-1);
        // A single row may take all bytes there are: whether another one follows was not read then.
        const isFull = last !== undefined && bytesOf !== undefined && page.length === 1 && bytesOf(last) >= PAGE_BYTES;
        if ((rows.length <= shown && !isFull) || last === undefined) return { rows: page, nextPageToken: "" };
        return { rows: page, nextPageToken: tokenAfter(keyOf(last)) };
      },
    };
  };
};
