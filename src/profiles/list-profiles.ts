import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { AccessDependencies } from "../access/dependencies.ts";
import { isIn } from "../access/scope.select.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type Operation, whenReady } from "../call.ts";
import { DEFAULT_PAGE_SIZE, type Page, withinPage } from "../db/page.ts";
import { COMPOSED } from "../db/statement-names.ts";
import { toSql } from "../filter/tree.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { type ListProfilesRequest, ListProfilesRequestSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { assertCaller } from "../users/privileges.ts";
import type { ExpansionSources, ProfileDependencies } from "./dependencies.ts";
import { assertExpansion, expanded } from "./expand.ts";
import { bytesOfMetadata, metadataBytes } from "./metadata.ts";
import type { SizedProfile } from "./profile.lookup.ts";
import type { ProfileRow } from "./profile.select.ts";
import { conditionOf } from "./profile-filter.ts";

const id = sql`user_profile.id`;

/** An order of profiles; it ends in the id, so that no two profiles have one place. */
const orders = {
  id: {
    columns: [id],
    keyOf: (row: ProfileRow) => [row.id],
    bind: ([last]: readonly string[]) => [sql`${last}::bigint`],
  },
  name: {
    columns: [sql`user_profile.name`, id],
    keyOf: (row: ProfileRow) => [row.name, row.id],
    bind: ([name, last]: readonly string[]) => [sql`${name}::text`, sql`${last}::bigint`],
  },
  create_time: {
    columns: [sql`user_profile.create_time`, id],
    keyOf: (row: ProfileRow) => [row.create_time.toISOString(), row.id],
    bind: ([time, last]: readonly string[]) => [sql`${time}::timestamptz`, sql`${last}::bigint`],
  },
};

/** Reads an order_by that the proto's pattern has let through; empty = by id. */
const orderOf = (orderBy: string, after: readonly string[] | undefined) => {
  const [name = "id", direction] = orderBy === "" ? [] : orderBy.split(" ");
  const { columns, keyOf, bind } = orders[name as keyof typeof orders];
  const [direct, beyond] = direction === "desc" ? [sql`desc`, sql`<`] : [sql`asc`, sql`>`];
  const sorted = sql.join(columns.map((column) => sql`${column} ${direct}`));
  const rest: RawBuilder<SqlBool> = after === undefined ? sql`true` : sql`(${sql.join(columns)}) ${beyond} (${sql.join(bind(after))})`;
  return { sorted, rest, keyOf };
};

/** Most bytes that a byte of stored JSON takes in an answer. */
const MOST_PER_BYTE = 4;

/** Returns the user whose first profiles a request asks for, and nothing else: the cache has these. */
const onlyUserOf = ({ filter, asUserId, orderBy, pageSize, pageToken, withAccount }: ListProfilesRequest): bigint | undefined => {
  const isFirst = pageToken === "" && pageSize <= DEFAULT_PAGE_SIZE && (orderBy === "" || orderBy === "id");
  // With their accounts, the profiles of a page may be too large for an answer, which only a statement can tell.
  if (!isFirst || asUserId !== undefined || withAccount || filter?.node.case !== "term") return undefined;
  const { condition } = filter.node.value;
  return condition.case === "userId" && condition.value.ids.length === 1 ? condition.value.ids[0] : undefined;
};

type Lookups = Pick<
  AccessDependencies & ProfileDependencies,
  "db" | "access" | "freshness" | "pager" | "firstProfiles" | keyof ExpansionSources
>;

/**
 * ListProfiles: reads a page of the profiles that match a filter, with their users and accounts if the request asks for them. The first profiles
 * of one user come from the cache.
 */
export const listProfiles = (app: Lookups): Operation<typeof ProfileService.method.listProfiles> => {
  const { db, access, freshness, pager, firstProfiles } = app;

  const read = async (call: Call, request: ListProfilesRequest, page: Page, reading: ReadConsistency): Promise<readonly SizedProfile[]> => {
    const { asUserId, relation, withAccount, filter, orderBy, consistency } = request;
    const { condition, asksUsers } = conditionOf(filter);
    if (asksUsers) assertCaller(call, "users.read");
    const { sorted, rest } = orderOf(orderBy, page.after);
    await freshness.check(call, consistency);
    const permitted =
      asUserId === undefined
        ? sql<SqlBool>`true`
        : isIn((await access.scope(call, { userId: asUserId, relation }, reading)).scope, {
            profileId: id,
            accountId: sql`user_profile.account_id`,
          });
    const accountBytes = withAccount
      ? sql`(select ${sql.lit(MOST_PER_BYTE)} * ${metadataBytes("account")} from account where account.id = user_profile.account_id)`
      : sql`0`;
    return db.session(call).rows(sql<SizedProfile>`${sql.raw(COMPOSED)}
      ${withinPage(sql`select user_profile.*, ${metadataBytes("user_profile")} + ${accountBytes} as bytes from user_profile
        where ${permitted} and ${rest} and ${toSql(condition)} order by ${sorted} limit ${page.size + 1}`)}`);
  };

  return (call, request) => {
    assertExpansion(call, request);
    const page = pager(call, ListProfilesRequestSchema, request);
    const reading = freshness.reading(request.consistency);
    const userId = onlyUserOf(request);
    const cached = userId === undefined ? undefined : whenReady(firstProfiles.get(call, userId, reading), ({ rows }) => rows);
    return whenReady(cached, (first) =>
      whenReady(first?.slice(0, page.size + 1) ?? read(call, request, page, reading), (found) => {
        const { rows, nextPageToken } = page.cut(found, orderOf(request.orderBy, page.after).keyOf, bytesOfMetadata);
        return whenReady(expanded(app, call, rows, request, reading), (profiles) => ({ profiles, nextPageToken }));
      }),
    );
  };
};
