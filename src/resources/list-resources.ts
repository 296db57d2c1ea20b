import { sql } from "kysely";
import type { AccessDependencies } from "../access/dependencies.ts";
import { ownersOf, type Scope } from "../access/policy.ts";
import type { Operation } from "../call.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { ListResourcesRequestSchema } from "../gen/userd/v1/resource_pb.ts";
import { type ResourceRow, resourceColumns, toResource } from "./resource.select.ts";

/** The resources to list: their kind, the id after which they start, and the most to return. */
type Query = { readonly kind: string; readonly after: bigint; readonly limit: number };

/**
 * Makes the SQL for the ids of a page. The resources of each owner, or account, are one range of an index, of which it takes the first. So
 * a page costs the same wherever it is, and whatever others own. It finds no resource twice (ownersOf).
 */
const selectIds = (scope: Exclude<Scope, { kind: "none" }>, { kind, after, limit }: Query) => {
  if (scope.kind === "all") return sql`select id from resource where kind = ${kind} and id > ${after} order by id limit ${limit}`;
  const { profileIds, accountIds } = ownersOf(scope);
  return sql`
    select id from (
      select r.id from unnest(${profileIds.map(String)}::bigint[]) as o (id) cross join lateral (
        select id from resource where owner_profile_id = o.id and kind = ${kind} and id > ${after} order by id limit ${limit}
      ) r
      union all
      select r.id from unnest(${accountIds.map(String)}::bigint[]) as o (id) cross join lateral (
        select id from resource where account_id = o.id and kind = ${kind} and id > ${after} order by id limit ${limit}
      ) r
    ) of_owners order by id limit ${limit}`;
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
    const { userId, relation, kind } = request;
    const page = pager(call, ListResourcesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const { scope } = await access.scope(call, { userId, relation }, freshness.reading(request.consistency));
    if (scope.kind === "none") return {};
    const ids = selectIds(scope, { kind, after: BigInt(page.after?.[0] ?? 0), limit: page.size + 1 });
    const found = await db.session(call).rows(sql<ResourceRow>`
      select ${resourceColumns} from (${ids}) page join resource r on r.id = page.id order by r.id`);
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { resources: rows.map(toResource), nextPageToken };
  };
