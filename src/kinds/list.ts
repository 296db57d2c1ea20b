import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import { referenceNotFound, referredNotFound } from "../contract/kinds/errors.ts";
import { type Kind, ORGANIZATION } from "../contract/kinds/kind.ts";
import { withinPage } from "../db/page.ts";
import { createFilterReader } from "../filter/read-filter.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { countRows } from "./count.ts";
import { filterFieldsOf } from "./filter-fields.ts";
import { type Order, readOrder } from "./order.ts";
import { maskedKind } from "./read-mask.ts";
import { isRelated, ruledBy, ruleOf } from "./relation.ts";
import { bytesOf, columnsOf, composed, type Row, sentBytes, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod, severalField } from "./standard-method.ts";

type Request = {
  readonly orderBy?: string;
  readonly filter?: string;
  readonly asUserId?: bigint;
  readonly relation?: AccessRelation;
  readonly showDeleted?: boolean;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly consistency?: Consistency;
  readonly readMask?: FieldMask;
  readonly count?: boolean;
};

/** True of the rows after the last one of the page before. */
const isAfter = ({ columns, isDescending }: Order, after: readonly string[] | undefined): RawBuilder<unknown> => {
  if (after === undefined) return sql`true`;
  const names = sql.join(columns.map(({ name }) => sql.ref(`r.${name}`)));
  const values = sql.join(columns.map(({ type }, index) => sql`${after[index]}::${sql.raw(type)}`));
  return isDescending ? sql`(${names}) < (${values})` : sql`(${names}) > (${values})`;
};

const orderedBy = ({ columns, isDescending }: Order, alias: string): RawBuilder<unknown> =>
  sql.join(columns.map(({ name }) => sql`${sql.ref(`${alias}.${name}`)} ${sql.raw(isDescending ? "desc" : "asc")}`));

/** The key of a row in an order, as a page token keeps it. */
const keyOf =
  ({ columns }: Order) =>
  (row: Row): string[] =>
    columns.map(({ name }) => (row[name] instanceof Date ? (row[name] as Date).toISOString() : String(row[name])));

/**
 * The parent of what is listed as `p`, or an organization that shares it, the conditions on `p` and on a resource `r`, and what access
 * follows from; one row without columns where there is no parent.
 */
const parentOf = (kind: Kind, request: Readonly<Record<string, unknown>>) => {
  const { name, parent, listedBy, sharedBy, ancestors } = kind;
  const [above, ...further] = ancestors;
  const isIt = sql`p.id = ${request[listedBy.localName]}`;
  if (sharedBy !== undefined) {
    const isPart = sql`exists (
      select from ${sql.table(sharedBy)} s where s.organization_id = p.id and ${sql.ref(`s.${name}_id`)} = r.id)`;
    return { from: sql`${sql.table(ORGANIZATION)} p`, isPart, isIt, id: ruledBy(kind, "r") };
  }
  return above === undefined
    ? { from: sql`(select) p`, isPart: sql`true`, isIt: sql`true`, id: ruledBy(kind, "r") }
    : {
        from: sql`${sql.table(above.to.table)} p`,
        isPart: sql`${sql.ref(`r.${parent.name}`)} = p.id`,
        isIt,
        id: ruledBy(kind, "p", further),
      };
};

/** ListXs: reads one page, and whether the parent exists, in one statement. `which` makes a further condition in SQL on a resource `r`. */
export const listResources: StandardMethod<(request: object) => RawBuilder<unknown>> = ({ db, freshness, pager }, kind, method, which) => {
  const field = severalField(kind);
  const { parent, listedBy, sharedBy } = kind;
  const missing = () => (sharedBy === undefined ? referredNotFound(kind, parent, parent.name) : referenceNotFound(listedBy.name));
  const rule = ruleOf(kind);
  const readFilter = createFilterReader(filterFieldsOf(kind));
  return async (call, request) => {
    const fields = fieldsOf<Request & Record<string, unknown>>(request);
    const { orderBy = "", filter = "" } = fields;
    const order = readOrder(kind, orderBy);
    const shown = maskedKind(kind, fields.readMask);
    const selected = shown === kind ? kind : { ...shown, columns: [...new Set([...shown.columns, ...order.columns])] };
    const condition = readFilter(filter);
    const page = pager(call, method.input, request as never);
    await freshness.check(call, fields.consistency);
    const isShown = kind.isSoft && fields.showDeleted !== true ? sql`r.delete_time is null` : sql`true`;
    const { from, isPart, isIt, id } = parentOf(kind, fields);
    const isSeen = fields.asUserId === undefined ? sql`true` : isRelated(rule, fields.asUserId, fields.relation ?? AccessRelation.READ, id);
    const isMet = sql`${isShown} and ${condition} and ${isSeen} and ${which?.(request) ?? sql`true`}`;
    const query = withinPage(sql<Row | { readonly id: null }>`
        select q.*, ${bytesOf(shown)} as bytes from ${from} left join lateral (
          select ${columnsOf(selected)} from ${sql.table(kind.table)} r
          where ${isPart} and ${isAfter(order, page.after)} and ${isMet}
          order by ${orderedBy(order, "r")} limit ${page.size + 1}
        ) q on true where ${isIt} order by ${orderedBy(order, "q")}`);
    // Orders, filters and masks are many: each connection prepares the statements of the first order alone.
    const isFirst = orderBy === "" && filter === "" && shown === kind && fields.asUserId === undefined;
    const session = db.session(call);
    const rows = await session.rows(isFirst ? query : composed(query));
    if (rows.length === 0) throw missing();
    const found = rows.filter((row): row is Row => row.id !== null);
    const { rows: cut, nextPageToken } = page.cut(found, keyOf(order), sentBytes(shown));
    const all = sql`from ${from} join ${sql.table(kind.table)} r on ${isPart} where ${isIt} and ${isMet}`;
    const count = fields.count === true && page.after === undefined ? await countRows(session, all) : {};
    return answerOf({ [field]: cut.map((row) => toMessage(shown, row)), nextPageToken, ...count });
  };
};
