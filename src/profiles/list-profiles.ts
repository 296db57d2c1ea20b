import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { AccessDependencies } from "../access/dependencies.ts";
import { isIn } from "../access/scope.select.ts";
import type { Operation } from "../call.ts";
import { type Sized, withinPage } from "../db/page.ts";
import { COMPOSED } from "../db/preparing-client.ts";
import { toSql } from "../filter/tree.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { ListProfilesRequestSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { assertCaller } from "../users/privileges.ts";
import { assertExpansion, expanded } from "./expand.ts";
import { bytesOfMetadata, metadataBytes } from "./metadata.ts";
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

/** ListProfiles: reads a page of the profiles that match a filter, with their users and accounts if the request asks for them. */
export const listProfiles =
  ({
    db,
    access,
    freshness,
    pager,
  }: Pick<AccessDependencies, "db" | "access" | "freshness" | "pager">): Operation<typeof ProfileService.method.listProfiles> =>
  async (call, request) => {
    const { asUserId, relation } = request;
    const page = pager(call, ListProfilesRequestSchema, request);
    const { condition, asksUsers } = conditionOf(request.filter);
    assertExpansion(call, request);
    if (asksUsers) assertCaller(call, "users.read");
    const { sorted, rest, keyOf } = orderOf(request.orderBy, page.after);
    await freshness.check(call, request.consistency);
    const permitted =
      asUserId === undefined
        ? sql<SqlBool>`true`
        : isIn((await access.scope(call, { userId: asUserId, relation }, freshness.reading(request.consistency))).scope, {
            profileId: id,
            accountId: sql`user_profile.account_id`,
          });
    const accountBytes = request.withAccount
      ? sql`(select ${sql.lit(MOST_PER_BYTE)} * ${metadataBytes("account")} from account where account.id = user_profile.account_id)`
      : sql`0`;
    const found = await db.session(call).rows(sql<ProfileRow & Sized>`${sql.raw(COMPOSED)}
      ${withinPage(sql`select user_profile.*, ${metadataBytes("user_profile")} + ${accountBytes} as bytes from user_profile
        where ${permitted} and ${rest} and ${toSql(condition)} order by ${sorted} limit ${page.size + 1}`)}`);
    const { rows, nextPageToken } = page.cut(found, keyOf, bytesOfMetadata);
    return { profiles: await expanded(db, call, rows, request), nextPageToken };
  };
