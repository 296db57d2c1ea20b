import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { withinPage } from "../db/page.ts";
import type { OptionRevisionSchema } from "../gen/userd/v1/user_option_pb.ts";
import { ListOptionRevisionsRequestSchema, type UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { userNotFound } from "../users/get-user.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { scopeOf } from "./scope.ts";
import { sentBytes, toValue } from "./value.ts";

/** A stored write of an option; `deleted` tells a deletion from a stored null. */
export type RevisionRow = Selectable<Schema["option_revision"]> & { readonly deleted: boolean; readonly bytes: number | null };

/** A revision as the API shows it. */
export const toRevision = (row: RevisionRow): MessageInitShape<typeof OptionRevisionSchema> => ({
  revisionId: row.id,
  deleted: row.deleted,
  ...(!row.deleted && { value: toValue(row.value) }),
  changeTime: timestampFromDate(row.change_time),
  caller: row.caller,
  actingUserId: row.acting_user_id ?? 0n,
  ...(row.expire_time && { expireTime: timestampFromDate(row.expire_time) }),
});

/** The columns of a revision, in the alias `r`. They are named, since a prepared `*` fails when a migration adds a column. */
export const revisionColumns = sql.raw(
  "r.id, r.user_id, r.scope_kind, r.scope_id, r.key, r.value, r.expire_time, r.change_time, r.caller, r.acting_user_id, r.value is null as deleted, octet_length(r.value::text) as bytes",
);

/** ListOptionRevisions: reads a page in one statement, the newest writes first. */
export const listOptionRevisions =
  ({
    db,
    freshness,
    pager,
    optionScopes,
  }: Pick<OptionDependencies, "db" | "freshness" | "pager" | "optionScopes">): Operation<
    typeof UserOptionService.method.listOptionRevisions
  > =>
  async (call, request) => {
    const { userId, key } = request;
    const scope = scopeOf(request);
    await freshness.check(call, request.consistency);
    const page = pager(call, ListOptionRevisionsRequestSchema, request);
    const [before = null] = page.after ?? [];
    const rows = await db.session(call).rows(
      withinPage(sql<RevisionRow | { id: null }>`
      select ${revisionColumns} from users u
      left join option_revision r
        on r.user_id = u.id and r.scope_kind = ${scope.kind} and r.scope_id = ${scope.id} and r.key = ${key}
        and (${before}::bigint is null or r.id < ${before}::bigint)
        and ${optionScopes.isLive(sql.raw("r.scope_kind"), sql.raw("r.scope_id"))}
      where u.id = ${userId}
      order by r.id desc limit ${page.size + 1}`),
    );
    if (rows.length === 0) throw userNotFound();
    const revisions = rows.filter((row): row is RevisionRow => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(
      revisions,
      ({ id }) => [id],
      ({ bytes, value }) => sentBytes(bytes ?? 0, value),
    );
    return { revisions: shown.map(toRevision), nextPageToken };
  };
