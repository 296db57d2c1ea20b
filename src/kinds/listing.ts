import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import { LRUCache } from "lru-cache";
import { type Column, type Kind, ORGANIZATION } from "../contract/kinds/kind.ts";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import { type Page, withinPage } from "../db/page.ts";
import { readFilter } from "../filter/read-filter.ts";
import { toSql } from "../filter/tree.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { type Expansion, withReferences } from "./expand.ts";
import { filterFieldsOf } from "./filter-fields.ts";
import { requireIndexed } from "./indexed-query.ts";
import { type Order, readOrder } from "./order.ts";
import { maskedKind } from "./read-mask.ts";
import { isOrganizationSeen, isRelated, isSeen, ruledBy, ruleOf, SEER } from "./relation.ts";
import { bytesOf, columnsOf, type Row, recurring } from "./row.ts";

/** The fields of a List request that decide the text of its SQL statements. */
export type Query = {
  readonly orderBy?: string;
  readonly filter?: string;
  readonly asUserId?: bigint;
  readonly relation?: AccessRelation;
  readonly showDeleted?: boolean;
  readonly pageToken: string;
  readonly readMask?: FieldMask;
  readonly expand?: readonly string[];
};

/**
 * An SQL condition on the resource in the alias `r` that a service written by hand adds to List if the bool field `field` of the request is
 * true.
 */
export type FurtherCondition = { readonly field: string; readonly isMet: RawBuilder<boolean> };

/** The SQL statements of List for one `Query`, the fields to show, and the function that makes the key of a row for page tokens. */
export type Listing = {
  /** The kind with only the fields to show. */
  readonly shown: Kind;
  /** Reads a page; one row without an id where the parent has no such resources, and none without the parent, or if the acting user sees neither. */
  readonly page: Compiled<Row | { readonly id: null }>;
  /** The statement of what is listed, from its `from` on, with the places of `page`. */
  readonly all: RawBuilder<unknown>;
  /** Returns the key of a row in the order, as a page token keeps it. */
  readonly keyOf: (row: Row) => string[];
};

/** The name of the place for a part of the key of the last row of the page before. */
const afterPlace = (index: number): string => `after${index}`;

/** Returns the values of the named parameters (`place`) in the statements of a `Listing`, keyed by name. */
export const placesOf = (
  { listedBy }: Kind,
  request: Readonly<Record<string, unknown>>,
  { after = [], size }: Pick<Page, "after" | "size">,
  seer: bigint | undefined,
): Record<string, unknown> => ({
  ...Object.fromEntries(after.map((value, index) => [afterPlace(index), value])),
  parent: request[listedBy.localName],
  asUserId: request["asUserId"],
  [SEER]: seer,
  limit: size + 1,
});

/**
 * The id of `p`, with something behind it that is never computed and that PostgreSQL takes for slow. As what an index looks for it counts once, and in
 * a filter it counts for each row: a walk through the resources of other parents is dearer than any index that begins with the parent.
 */
const DEAR_ID = sql`coalesce(p.id, ${sql.join(Array.from({ length: 16 }, () => sql`length(to_tsvector(''))`))})`;

/**
 * The condition that a resource is part of `p`, and the columns that come before those of the order, for lists by the id. By `= p.id`, PostgreSQL
 * could walk the primary key, through the resources of all parents. Without a filter a range leaves it the index of the parent alone. With one it
 * may choose among all indexes that begin with the parent, whose costs it estimates best by `=`.
 */
const ledBy = (
  { isLarge, parent, ancestors, sharedBy }: Kind,
  { columns, isDescending }: Order,
  isFollowing: boolean,
  isFiltered: boolean,
): { readonly isPart?: RawBuilder<unknown>; readonly columns: readonly Column[] } => {
  const hasIndex = isLarge || (ancestors.length > 0 && sharedBy === undefined);
  if (!hasIndex || columns.length > 1) return { columns: [] };
  const of = sql.ref(`r.${parent.name}`);
  if (!isLarge && isFiltered) return { isPart: sql`${of} = ${DEAR_ID}`, columns: [] };
  const [first, last] = [sql`${of} >= p.id`, sql`${of} <= p.id`];
  // A page that follows another one has one end of the range in `isAfter`: of two upper ends, an index takes any.
  const isPart = isFollowing ? (isDescending ? first : last) : sql`${first} and ${last}`;
  return { isPart, columns: [parent] };
};

/** True of the rows after the last one of the page before. */
const isAfter = ({ columns, isDescending }: Order, leading: readonly Column[]): RawBuilder<unknown> => {
  const names = sql.join([...leading, ...columns].map(({ name }) => sql.ref(`r.${name}`)));
  const values = sql.join([
    ...leading.map(() => sql`p.id`),
    ...columns.map(({ type }, index) => sql`${place(afterPlace(index))}::${sql.raw(type)}`),
  ]);
  return isDescending ? sql`(${names}) < (${values})` : sql`(${names}) > (${values})`;
};

const orderedBy = ({ columns, isDescending }: Order, alias: string, leading: readonly Column[] = []): RawBuilder<unknown> =>
  sql.join([...leading, ...columns].map(({ name }) => sql`${sql.ref(`${alias}.${name}`)} ${sql.raw(isDescending ? "desc" : "asc")}`));

/**
 * The parent of what is listed as `p`, or an organization that shares it, the conditions on `p` and on a resource `r`, what access
 * follows from, and the condition that the acting user may read what belongs to `p`; one row without columns where there is no parent.
 */
const parentOf = (kind: Kind) => {
  const { name, parent, sharedBy, ancestors } = kind;
  const [above, ...further] = ancestors;
  const isIt = sql`p.id = ${place("parent")}`;
  if (sharedBy !== undefined) {
    const isPart = sql`exists (
      select from ${sql.table(sharedBy)} s where s.organization_id = p.id and ${sql.ref(`s.${name}_id`)} = r.id)`;
    return {
      from: sql`${sql.table(ORGANIZATION)} p`,
      isPart,
      isIt,
      id: ruledBy(kind, "r"),
      isParentSeen: isOrganizationSeen(sql.ref("p.id")),
    };
  }
  if (above === undefined)
    return { from: sql`(select) p`, isPart: sql`true`, isIt: sql`true`, id: ruledBy(kind, "r"), isParentSeen: sql`true` };
  const id = ruledBy(kind, "p", further);
  return {
    from: sql`${sql.table(above.to.table)} p`,
    isPart: sql`${sql.ref(`r.${parent.name}`)} = p.id`,
    isIt,
    id,
    isParentSeen: isSeen(kind, id),
  };
};

/** The most queries of a list of which something is kept. */
const MAX_LISTINGS = 100;
/** The most characters of these queries: what is made of them takes some ten times more. */
const MAX_REMEMBERED = 64 * 1024;

/**
 * Makes the function that returns the `Listing` of a `Query`, and remembers the listings of the latest queries.
 * @throws INVALID_ARGUMENT or FAILED_PRECONDITION for a filter, an order or a read mask that is not valid for the kind.
 */
export const createListings = (
  kind: Kind,
  further?: FurtherCondition,
): ((query: Query, expansion: Expansion, isForActing: boolean) => Listing) => {
  const latest = new LRUCache<string, Listing>({ max: MAX_LISTINGS, maxSize: MAX_REMEMBERED, sizeCalculation: (_, key) => key.length });
  const { from, isPart, isIt, id, isParentSeen } = parentOf(kind);
  const filterFields = filterFieldsOf(kind, id);
  const table = sql.table(kind.table);

  const make = (query: Query, expansion: Expansion, isForActing: boolean, isFurther: boolean): Listing => {
    const { orderBy = "", filter = "", asUserId, relation = AccessRelation.READ, showDeleted, pageToken, readMask } = query;
    const order = readOrder(kind, orderBy);
    const isFollowing = pageToken !== "";
    const led = ledBy(kind, order, isFollowing, filter !== "");
    const shown = maskedKind(kind, readMask);
    const read = withReferences(shown, expansion);
    const selected = shown === kind ? kind : { ...read, columns: [...new Set([...read.columns, ...order.columns])] };
    const condition = readFilter(filter, filterFields);
    requireIndexed(kind, condition, order, filterFields);
    const conditions = [
      ...(kind.isSoft && showDeleted !== true ? [sql`r.delete_time is null`] : []),
      toSql(condition),
      ...(asUserId === undefined ? [] : [isRelated(ruleOf(kind), place("asUserId"), relation, id)]),
      ...(isForActing ? [isSeen(kind, id)] : []),
      ...(isFurther && further !== undefined ? [further.isMet] : []),
    ];
    const isMet = sql.join(conditions, sql` and `);
    // An empty page would tell the acting user that there is a parent.
    const isTold = isForActing ? sql`${isIt} and (q.id is not null or ${isParentSeen})` : isIt;
    const page = withinPage(sql<Row | { readonly id: null }>`
      select q.*, ${bytesOf(shown)} as bytes from ${from} left join lateral (
        select ${columnsOf(selected)} from ${table} r
        where ${led.isPart ?? isPart} and ${isFollowing ? isAfter(order, led.columns) : sql`true`} and ${isMet}
        order by ${orderedBy(order, "r", led.columns)} limit ${place("limit")}
      ) q on true where ${isTold} order by ${orderedBy(order, "q")}`);
    // Orders, filters and masks are many: only the statements of the first order stay prepared whatever else is asked.
    const isFirst = filter === "" && asUserId === undefined && orderBy === "" && shown === kind;
    return {
      shown,
      page: compiled(isFirst ? page : recurring(page)),
      all: sql`from ${from} join ${table} r on ${isPart} where ${isIt} and ${isMet}`,
      keyOf: (row) => order.columns.map(({ name }) => (row[name] instanceof Date ? row[name].toISOString() : String(row[name]))),
    };
  };

  return (query, expansion, isForActing) => {
    const { orderBy, filter, asUserId, relation, showDeleted, pageToken, readMask, expand } = query;
    const isFurther = further !== undefined && (query as Readonly<Record<string, unknown>>)[further.field] === true;
    const asked = asUserId !== undefined && (relation ?? true);
    const key = JSON.stringify([
      orderBy,
      filter,
      asked,
      showDeleted,
      pageToken !== "",
      readMask?.paths,
      readMask && expand,
      isForActing,
      isFurther,
    ]);
    const known = latest.get(key);
    if (known !== undefined) return known;
    const made = make(query, expansion, isForActing, isFurther);
    latest.set(key, made);
    return made;
  };
};
