import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { withinPage } from "../db/page.ts";
import type { Tx } from "../db/write.ts";
import { notFound } from "../errors.ts";
import type { OptionRevisionSchema } from "../gen/userd/v1/user_option_pb.ts";
import { ListOptionRevisionsRequestSchema, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { userNotFound } from "../users/get-user.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { canonicalJson } from "./canonical.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireReadable, requireWritable, withoutHiddenValue } from "./key-access.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeNotFound } from "./option-scopes.ts";
import { scopeOf } from "./scope.ts";
import { storeOptions } from "./store.ts";
import type { OptionKey } from "./stored-option.ts";
import { sentBytes, toValue } from "./value.ts";

const { method } = UserOptionService;

/** A write of an option as it was kept; `deleted` tells a deletion from a stored null. */
type RevisionRow = Selectable<Schema["option_revision"]> & { readonly deleted: boolean; readonly bytes: number | null };

/** Converts a kept write to the message OptionRevision. */
const toRevision = (row: RevisionRow): MessageInitShape<typeof OptionRevisionSchema> => ({
  revisionId: row.id,
  deleted: row.deleted,
  ...(!row.deleted && { value: toValue(row.value) }),
  changeTime: timestampFromDate(row.change_time),
  caller: row.caller,
  actingUserId: row.acting_user_id ?? 0n,
  ...(row.expire_time && { expireTime: timestampFromDate(row.expire_time) }),
});

/** The columns of a revision, in the alias `r`. They are named, since a prepared `*` fails when a migration adds a column. */
const revisionColumns = sql.raw(
  "r.id, r.user_id, r.scope_kind, r.scope_id, r.key, r.value, r.expire_time, r.change_time, r.caller, r.acting_user_id, r.value is null as deleted, octet_length(r.value::text) as bytes",
);

/** The revisions that can be read of each option. There may be some older ones, which a later write removes. */
const KEPT = 20;

/** The condition that the revision in the alias `r` is one of the last 20. */
const isKept = sql.raw(`r.id > coalesce((
  select l.id from option_revision l
  where (l.user_id, l.scope_kind, l.scope_id, l.key) = (r.user_id, r.scope_kind, r.scope_id, r.key) order by l.id desc offset ${KEPT} limit 1), 0)`);

/** ListOptionRevisions: reads a page of the revisions of an option, newest first. The last 20 writes and deletions are kept. */
export const listOptionRevisions =
  ({ db, freshness, pager, optionScopes, registry }: OptionDependencies): Operation<typeof method.listOptionRevisions> =>
  async (call, request) => {
    const { userId, key } = request;
    requireReadable(registry, call, key);
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
        and ${optionScopes.isLive(sql.raw("r.scope_kind"), sql.raw("r.scope_id"))} and ${isKept}
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

const findRevision = async (tx: Tx, { userId, scope, key }: OptionKey, id: bigint): Promise<RevisionRow> => {
  const row = await tx.row(sql<RevisionRow>`
    select ${revisionColumns} from option_revision r
    where r.id = ${id} and r.user_id = ${userId} and r.scope_kind = ${scope.kind} and r.scope_id = ${scope.id} and r.key = ${key} and ${isKept}`);
  if (row) return row;
  throw notFound("REVISION_NOT_FOUND", "The option has no such revision; the last 20 are kept.");
};

/** Deletes the option, since the revision is a deletion; an option that is not there is no error. */
const remove = async (tx: Tx, { userId, scope, key }: OptionKey): Promise<void> => {
  await tx.rows(sql`delete from user_option
    where user_id = ${userId} and scope_kind = ${scope.kind} and scope_id = ${scope.id} and key = ${key}`);
};

/**
 * RestoreOption: stores the value of an option's revision again, or deletes the option if the revision is a deletion. Limits and quotas are
 * checked again, but not the definition in the registry.
 */
export const restoreOption =
  ({ write, optionScopes, quotas, registry }: OptionDependencies): Operation<typeof method.restoreOption> =>
  (call, request) => {
    const { userId, key, revisionId } = request;
    const option: OptionKey = { userId, key, scope: scopeOf(request) };
    return write(call, { method: method.restoreOption, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      requireWritable(registry, call, key);
      await writableUser(tx, userId);
      const revision = await findRevision(tx, option, revisionId);
      if (revision.deleted) {
        await remove(tx, option);
        return {};
      }
      // An expire_time that has passed would make the restored value absent at once.
      const expireTime = revision.expire_time !== null && revision.expire_time > new Date() ? revision.expire_time : null;
      const [stored] = await storeOptions(tx, { optionScopes, quotas }, [{ ...option, json: canonicalJson(revision.value), expireTime }]);
      if (stored === undefined) throw scopeNotFound();
      return { option: withoutHiddenValue(registry, call, toUserOption(stored.row)) };
    });
  };
