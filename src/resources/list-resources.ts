import { type RawBuilder, sql } from "kysely";
import type { AccessDependencies } from "../access/dependencies.ts";
import { ownersOf, type Scope } from "../access/policy.ts";
import type { Operation } from "../call.ts";
import { COMPOSED } from "../db/statement-names.ts";
import type { FilterColumn, FilterFields } from "../filter/fields.ts";
import { createConditionReader } from "../filter/read-filter.ts";
import { requireServed, toSql } from "../filter/tree.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { ListResourcesRequestSchema } from "../gen/userd/v1/resource_pb.ts";

const column = (name: string, type: FilterColumn["type"], index?: FilterColumn["index"]): [string, FilterColumn] => [
  name,
  { type, column: sql.ref(`resource.${name}`), isNullable: false, values: new Map(), ...(index && { index }) },
];

/** The fields of resources that filters can name. */
const fields: FilterFields = {
  declared: new Map([
    column("id", "bigint", ["equal"]),
    column("owner_profile_id", "bigint", ["equal"]),
    column("account_id", "bigint", ["equal"]),
    column("name", "text"),
    column("create_time", "timestamptz"),
  ]),
  undeclared: new Set(),
};

const readFilter = createConditionReader(fields);

/** The resources to list: their kind, the id after which they start, what they meet besides, and the most to return. */
type Query = { readonly kind: string; readonly after: bigint; readonly condition: RawBuilder<boolean>; readonly limit: number };

/**
 * Makes the SQL for the ids of a page. The resources of each owner, or account, are one range of an index, of which it takes the first. So
 * a page without a filter costs the same wherever it is, and whatever others own. It finds no resource twice (ownersOf).
 */
const selectIds = (scope: Exclude<Scope, { kind: "none" }>, { kind, after, condition, limit }: Query) => {
  const page = (owner: RawBuilder<unknown>) =>
    sql`select id from resource where ${owner} and kind = ${kind} and id > ${after} and ${condition} order by id limit ${limit}`;
  if (scope.kind === "all") return page(sql`true`);
  const { profileIds, accountIds } = ownersOf(scope);
  return sql`
    select id from (
      select r.id from unnest(${profileIds.map(String)}::bigint[]) as o (id) cross join lateral (
        ${page(sql`owner_profile_id = o.id`)}
      ) r
      union all
      select r.id from unnest(${accountIds.map(String)}::bigint[]) as o (id) cross join lateral (
        ${page(sql`account_id = o.id`)}
      ) r
    ) of_owners order by id limit ${limit}`;
};

/** The resources of a page as columns, which a driver reads several times as fast as rows; null = none. */
type Columns = {
  readonly names: readonly string[] | null;
  /** The id, the profile, the account and the create_time of each resource, separated by spaces. The time is in Unix milliseconds. */
  readonly rest: string | null;
};

const REST_COLUMNS = 4;

const selectColumns = (ids: RawBuilder<unknown>, isComposed: boolean) => sql<Columns>`${sql.raw(isComposed ? COMPOSED : "")}
  select json_agg(r.name) as names,
    string_agg(concat_ws(' ', r.id, r.owner_profile_id, r.account_id, (date_part('epoch', r.create_time) * 1000)::bigint), ' ') as rest
  from (select r.* from (${ids}) page join resource r on r.id = page.id order by r.id) r`;

/** Makes the function that converts the text of an id: the same owner and account come again and again. */
const createIds = (): ((text: string | undefined) => bigint) => {
  let [lastText, last]: [string | undefined, bigint] = ["0", 0n];
  return (text) => {
    if (text !== lastText) [lastText, last] = [text, BigInt(text ?? 0)];
    return last;
  };
};

const toResources = (kind: string, { names, rest }: Columns = { names: null, rest: null }) => {
  const texts = rest?.split(" ") ?? [];
  const [ownerOf, accountOf] = [createIds(), createIds()];
  return (names ?? []).map((name, index) => {
    const first = index * REST_COLUMNS;
    const milliseconds = Number(texts[first + 3]);
    const seconds = Math.floor(milliseconds / 1_000);
    return {
      id: BigInt(texts[first] ?? 0),
      kind,
      ownerProfileId: ownerOf(texts[first + 1]),
      accountId: accountOf(texts[first + 2]),
      name,
      createTime: { seconds: BigInt(seconds), nanos: (milliseconds - seconds * 1_000) * 1_000_000 },
    };
  });
};

/** ListResources: reads a page of the resources that a user may read or own, ordered by id. */
export const listResources =
  ({
    db,
    access,
    freshness,
    pager,
  }: Pick<AccessDependencies, "db" | "access" | "freshness" | "pager">): Operation<typeof ProfileService.method.listResources> =>
  async (call, request) => {
    const { userId, relation, kind, filter } = request;
    const condition = readFilter(filter);
    const page = pager(call, ListResourcesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const { scope } = await access.scope(call, { userId, relation }, freshness.reading(request.consistency));
    if (scope.kind === "none") return {};
    // What others may see are ranges of indexes.
    if (scope.kind === "all")
      requireServed(condition, "a part of a name needs id, owner_profile_id or account_id with == or in beside it, by &&");
    const query = { kind, after: BigInt(page.after?.[0] ?? 0), condition: toSql(condition), limit: page.size + 1 };
    const columns = await db.session(call).row(selectColumns(selectIds(scope, query), filter !== ""));
    const { rows, nextPageToken } = page.cut(toResources(kind, columns), ({ id }) => [id]);
    return { resources: [...rows], nextPageToken };
  };
