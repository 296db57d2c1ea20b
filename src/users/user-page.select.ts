import { type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import { canonicalName } from "../names/canonical.ts";
import type { Schema } from "../schema/entities.ts";
import { toSql } from "./user-condition.select.ts";
import type { UserCondition } from "./user-condition.ts";

/** The columns that make the place of a user in a list. */
type Placed = { readonly id: bigint; readonly username: string; readonly date_joined: Date };

/** An order of users; it ends in the id, so that no two users have one place. */
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

/** An order with its direction. */
export type UserOrder = Order & {
  readonly direction: RawBuilder<unknown>;
  readonly comparison: RawBuilder<unknown>;
  readonly byId: boolean;
};

/** Reads an order_by that the proto's pattern has let through; empty = by id. */
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

/** The users of a page. */
export type UserPageQuery = {
  readonly conditions: readonly UserCondition[];
  readonly showDeleted: boolean;
  readonly order: UserOrder;
  /** The key of the last user of the page before. */
  readonly after: readonly string[] | undefined;
  readonly limit: number;
};

const sorted = ({ columns, direction }: UserOrder) => sql.join(columns.map((column) => sql`${column} ${direction}`));

/** The ids of a page: what is shown of a user is read for these users only, whatever had to be sorted to find them. */
export const selectUserPage = (db: Kysely<Schema>, { conditions, showDeleted, order, after, limit }: UserPageQuery) => {
  const beyond = (columns: readonly RawBuilder<unknown>[], key: readonly string[]): RawBuilder<SqlBool> =>
    sql`(${sql.join(columns)}) ${order.comparison} (${sql.join(order.bind(key))})`;
  const beyondId = (column: RawBuilder<bigint>): RawBuilder<SqlBool> =>
    after !== undefined && order.byId ? beyond([column], after) : sql`true`;
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

/** Sorts what was joined to a page as the page is. */
export const orderedBy = sorted;
