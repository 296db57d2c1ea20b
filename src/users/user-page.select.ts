import { type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import { type Beyond, type Condition, toSql } from "../filter/tree.ts";
import { canonicalName } from "../names/canonical.ts";
import type { Schema } from "../schema/entities.ts";

/** The columns that make the place of a user in a list. */
type Placed = { readonly id: bigint; readonly username: string; readonly date_joined: Date };

/** An order of users. It ends in the id, so that no two users have one place. */
type Order = {
  /** The columns that sort; an index has them. */
  readonly columns: readonly RawBuilder<unknown>[];
  readonly keyOf: (row: Placed) => readonly (string | bigint)[];
  readonly bind: (key: readonly string[]) => readonly RawBuilder<unknown>[];
};

const id = sql`users.id`;
const boundId = (value: string | undefined) => sql`${value}::bigint`;

const orders = {
  id: { columns: [id], keyOf: (row) => [row.id], bind: ([last]) => [boundId(last)] },
  username: {
    columns: [sql`users.username_canonical`, id],
    keyOf: (row) => [canonicalName(row.username), row.id],
    bind: ([canonical, last]) => [sql`${canonical}::text`, boundId(last)],
  },
  date_joined: {
    columns: [sql`users.date_joined`, id],
    keyOf: (row) => [row.date_joined.toISOString(), row.id],
    bind: ([joined, last]) => [sql`${joined}::timestamptz`, boundId(last)],
  },
} satisfies Record<string, Order>;

/** An order of users, ascending or descending. */
export type UserOrder = Order & {
  readonly direction: RawBuilder<unknown>;
  readonly comparison: RawBuilder<unknown>;
  readonly byId: boolean;
};

/** Parses the field `order_by` of a request, which the proto's rule has checked; empty = ordered by id. */
export const orderOf = (orderBy: string): UserOrder => {
  const [name = "id", direction] = orderBy === "" ? [] : orderBy.split(" ");
  const descending = direction === "desc";
  return {
    ...orders[name as keyof typeof orders],
    direction: descending ? sql`desc` : sql`asc`,
    comparison: descending ? sql`<` : sql`>`,
    byId: name === "id",
  };
};

/** A page of users to select: the conditions, the order, the key after which the page begins, and the size. */
export type UserPageQuery = {
  readonly conditions: readonly Condition[];
  readonly showDeleted: boolean;
  readonly order: UserOrder;
  /** The key of the last user of the page before. */
  readonly after: readonly string[] | undefined;
  readonly limit: number;
};

const sorted = ({ columns, direction }: UserOrder) => sql.join(columns.map((column) => sql`${column} ${direction}`));

/** Makes the query for the ids of a page of users. Join this query with other columns, which are then read for the users of the page only. */
export const selectUserPage = (db: Kysely<Schema>, { conditions, showDeleted, order, after, limit }: UserPageQuery) => {
  const beyond = (columns: readonly RawBuilder<unknown>[], key: readonly string[]): RawBuilder<boolean> =>
    sql`(${sql.join(columns)}) ${order.comparison} (${sql.join(order.bind(key))})`;
  const beyondId: Beyond = (column) => (after !== undefined && order.byId ? beyond([column], after) : sql`true`);
  const where = [
    ...(showDeleted ? [] : [sql`users.delete_time is null`]),
    ...(after === undefined ? [] : [beyond(order.columns, after)]),
    ...conditions.map((condition) => toSql(condition, beyondId)),
  ];
  return db
    .selectFrom("users")
    .select("users.id")
    .$if(where.length > 0, (query) => query.where(sql<SqlBool>`${sql.join(where, sql` and `)}`))
    .orderBy(sorted(order))
    .limit(limit);
};

/** Makes the terms of ORDER BY for a query that joins `selectUserPage`, since a join does not keep the order of the page. */
export const orderedBy = sorted;
