import type { Column, Kind } from "../../src/contract/kinds/kind.ts";
import { sortable } from "../support/filter-cases.ts";
import type { Maker, Shown } from "./maker.ts";

/** An id that nothing has. */
export const NOBODY = 9_000_000_000_000n;

/** The name of a column's field in messages. */
export const local = ({ field }: Column): string => field.localName;

/** The columns that callers write, without the parent and references. */
export const plainColumns = ({ columns }: Kind): Column[] => columns.filter(({ isOutputOnly, reference }) => !isOutputOnly && !reference);

/** The columns that an update may write. */
export const changeable = (kind: Kind): Column[] => plainColumns(kind).filter(({ isImmutable }) => !isImmutable);

/** Reads a resource by its id. */
export const get = async (maker: Maker, id: bigint): Promise<Shown> =>
  (await maker.call("Get", { key: { case: "id", value: id } }))[maker.field] as Shown;

/** Updates a resource: the fields of the paths, or those that are given. */
export const update = async (maker: Maker, fields: object, paths?: string[]): Promise<Shown> =>
  (await maker.call("Update", { [maker.field]: fields, ...(paths && { updateMask: { paths } }) }))[maker.field] as Shown;

/** Reads a page of the resources of the maker's parent. */
export const list = async (maker: Maker, query: object = {}) => {
  const answer = await maker.call("List", { [maker.kind.listedBy.localName]: maker.parentId, ...query });
  return { rows: answer[maker.several] as readonly Shown[], nextPageToken: answer.nextPageToken };
};

/** Reads all resources of the parent, by pages of two. */
export const walk = async (maker: Maker, query: object): Promise<readonly Shown[]> => {
  const rows: Shown[] = [];
  let pageToken = "";
  do {
    const page = await list(maker, { ...query, pageSize: 2, pageToken });
    rows.push(...page.rows);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return rows;
};

/** The values that a resource has in some columns. */
export const keyOf = (shown: Shown, columns: readonly Column[]) =>
  Object.fromEntries(columns.map((column) => [local(column), shown[local(column)]]));

/** Compares two resources by some fields. */
export const compare = (a: Shown, b: Shown, names: readonly string[]): number => {
  for (const name of names) {
    const [left, right] = [sortable(a[name]), sortable(b[name])];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};

/** What a field can't be, and the reason that it is refused for. */
export const badValues = ({ field, type, maxLength, isNotEmpty, isRequired }: Column): readonly unknown[] => [
  ...(type === "text" ? ["x".repeat(maxLength + 1), "a\0b", ...(isNotEmpty ? [""] : [])] : []),
  ...(field.fieldKind === "list" ? [Array(1_001).fill(field.listKind === "scalar" ? "x" : {})] : []),
  ...(field.fieldKind === "list" && field.listKind === "scalar" ? [["x".repeat(10_000)], ["a\0b"]] : []),
  ...(type === "smallint" ? [99] : []),
  ...(type === "double precision" ? [Number.NaN, Number.POSITIVE_INFINITY] : []),
  ...(type === "timestamptz" ? [{ seconds: 253_402_300_800n }] : []),
  ...(isRequired ? [undefined] : []),
];

/** What holds of every kind, from its descriptor. */
