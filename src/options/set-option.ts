import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { userSubject } from "../cache/subject.ts";
import type { Operation } from "../call.ts";
import type { Tx, Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { type SetOptionRequest, UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { type OptionRow, toUserOption } from "./option.mapping.ts";
import { alive, optionColumns } from "./option.select.ts";
import { scopeOf } from "./scope.ts";
import { assertOptionEtag, type OptionKey, storedOption } from "./stored-option.ts";
import { jsonOf } from "./value.ts";

type StoredRow = OptionRow & { readonly created: boolean };

/**
 * One statement that stores a value unless it is there already; no row means just that, or that the user can't be
 * written. `created` is read from the state before the statement, so an option that had expired counts as new.
 */
const upsert = async (
  tx: Tx,
  { userId, scope, key }: OptionKey,
  value: string,
  expireTime: Date | null,
): Promise<StoredRow | undefined> => {
  const ofKey = sql`o.user_id = ${userId} and o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id} and o.key = ${key}`;
  const { rows } = await sql<StoredRow>`
    insert into user_option as o (user_id, scope_kind, scope_id, key, value, expire_time, create_time, update_time)
    select id, ${scope.kind}::smallint, ${scope.id}::bigint, ${key}, ${value}::jsonb, ${expireTime}::timestamptz,
      statement_timestamp(), statement_timestamp()
      from users where id = ${userId} and delete_time is null
    on conflict (user_id, scope_kind, scope_id, key) do update set
      value = excluded.value, expire_time = excluded.expire_time, update_time = excluded.update_time, version = o.version + 1,
      create_time = case when ${alive} then o.create_time else excluded.create_time end
      where (o.value, o.expire_time) is distinct from (excluded.value, excluded.expire_time)
    returning ${optionColumns}, not exists (select from user_option o where ${ofKey} and ${alive}) as created`.execute(tx.sql, tx.abort);
  return rows[0];
};

/** The last second that `google.protobuf.Timestamp` has: the end of the year 9999. */
const LAST_SECOND = 253_402_300_799n;

const expireTimeOf = ({ expireTime }: Pick<SetOptionRequest, "expireTime">): Date | null => {
  if (expireTime === undefined) return null;
  if (expireTime.seconds > LAST_SECOND) throw invalidField("expire_time", "must be before the year 10000");
  return timestampDate(expireTime);
};

/** SetOption: stores one value; an equal one writes nothing. */
export const setOption =
  ({ write }: { write: Write }): Operation<typeof UserOptionService.method.setOption> =>
  (call, request) => {
    const { userId, key, value, etag, requestId } = request;
    if (value === undefined) throw invalidField("value", "is required");
    const json = jsonOf(value);
    const option: OptionKey = { userId, key, scope: scopeOf(request) };
    const expireTime = expireTimeOf(request);
    return write(call, { method: UserOptionService.method.setOption, request, subjects: [userSubject(userId)], requestId }, async (tx) => {
      if (etag !== "") assertOptionEtag(await storedOption(tx, option), etag);
      const stored = await upsert(tx, option, json, expireTime);
      if (stored === undefined) await writableUser(tx, userId);
      const row = stored ?? (await storedOption(tx, option));
      return { ...(row && { option: toUserOption(row) }), created: stored?.created ?? false, changed: stored !== undefined };
    });
  };
