import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import type { AccessDependencies } from "../access/dependencies.ts";
import { decide } from "../access/policy.ts";
import type { Operation } from "../call.ts";
import { type Kind, OWNER_PROFILE_ID } from "../contract/kinds/kind.ts";
import { COMPOSED } from "../db/statement-names.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { ListOwnedRequestSchema } from "../gen/userd/v1/owned_resource_pb.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { ownedKinds } from "../kinds/owned.ts";
import type { Permission } from "../permissions.ts";
import { assertCaller } from "../users/privileges.ts";
import { profileNotFound } from "./profile.select.ts";

type Row = {
  readonly kind: string;
  readonly registered: boolean;
  readonly id: bigint;
  readonly name: string;
  readonly create_time: Date;
};

/** The key of the last row of the page before. */
type After = Pick<Row, "kind" | "registered" | "id">;

/** What to read of a profile: the most rows, those after a row, and the kinds; undefined = all. */
type Query = {
  readonly owner: bigint;
  readonly after: After | undefined;
  readonly limit: number;
  readonly kinds: readonly string[] | undefined;
};

/** The resources of one kind, which is one range of an index; undefined = they all come before the page. */
const ofKind = ({ name, table, columns, isSoft }: Kind, { owner, after, limit }: Query): RawBuilder<unknown> | undefined => {
  // Registered ones of the same kind come later.
  const isBefore = after !== undefined && (name < after.kind || (name === after.kind && after.registered));
  if (isBefore) return undefined;
  const from = name === after?.kind ? after.id : 0n;
  const shown = columns.some((column) => column.name === "name") ? sql`name::text` : sql`''`;
  return sql`(
    select ${name}::text as kind, false as registered, id, ${shown} as name, create_time from ${sql.table(table)}
    where ${sql.ref(OWNER_PROFILE_ID)} = ${owner} and id > ${from} and ${isSoft ? sql`delete_time is null` : sql`true`}
    order by id limit ${limit})`;
};

/** The resources that other services have registered, in the order of an index. */
const registered = ({ owner, after, limit, kinds }: Query): RawBuilder<unknown> => {
  const [kind, id] = after === undefined ? ["", 0n] : [after.kind, after.registered ? after.id : 0n];
  return sql`(
    select kind::text, true, id, name::text, create_time from resource
    where owner_profile_id = ${owner} and (kind, id) > (${kind}, ${id}::bigint)
      and ${kinds === undefined ? sql`true` : sql`kind = any(${kinds}::text[])`}
    order by kind, id limit ${limit})`;
};

/** ListOwned: reads a page of what a profile owns, of all kinds that profiles own and of registered resources, in one statement. */
export const listOwned =
  ({
    db,
    access,
    owners,
    freshness,
    pager,
  }: Pick<AccessDependencies, "db" | "access" | "owners" | "freshness" | "pager">): Operation<typeof ProfileService.method.listOwned> =>
  async (call, request) => {
    const { ownerProfileId: owner, asUserId, relation } = request;
    const kinds = request.kinds.length > 0 ? request.kinds : undefined;
    const page = pager(call, ListOwnedRequestSchema, request);
    const asked = ownedKinds(db.kinds).filter(({ name }) => kinds?.includes(name) ?? true);
    for (const { readPermission } of asked) assertCaller(call, readPermission as Permission);
    await freshness.check(call, request.consistency);
    const reading = freshness.reading(request.consistency);
    const [profile] = await owners(call, [{ case: "ownerProfileId", value: owner }], reading);
    const may = async (userId: bigint, what: AccessRelation) =>
      decide((await access.scope(call, { userId, relation: what }, reading)).scope, profile).allowed;
    if (profile === undefined) throw profileNotFound();
    if (call.actingUserId !== undefined && !(await may(call.actingUserId, AccessRelation.READ))) throw profileNotFound();
    if (asUserId !== undefined && !(await may(asUserId, relation))) return {};
    const [kind = "", isRegistered, id = "0"] = page.after ?? [];
    const after = page.after && { kind, registered: isRegistered === "true", id: BigInt(id) };
    const query: Query = { owner, after, limit: page.size + 1, kinds };
    const parts = [...asked.flatMap((one) => ofKind(one, query) ?? []), registered(query)];
    const found = await db.session(call).rows(sql<Row>`${sql.raw(COMPOSED)}
      select * from (${sql.join(parts, sql` union all `)}) owned (kind, registered, id, name, create_time)
      order by kind collate "C", registered, id limit ${page.size + 1}`);
    const { rows, nextPageToken } = page.cut(found, (row) => [row.kind, String(row.registered), row.id]);
    return { resources: rows.map(({ create_time, ...row }) => ({ ...row, createTime: timestampFromDate(create_time) })), nextPageToken };
  };
