import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import type { ScopeOptionSchema } from "../gen/userd/v1/scope_option_pb.ts";
import type { UserOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { etagOfLife } from "../versions/etag.ts";
import { scopeFields } from "./scope.ts";
import { targetOf } from "./target.ts";
import { toValue } from "./value.ts";

/** A row of user_option, as every read of options selects it. */
export type OptionRow = Selectable<Schema["user_option"]>;

/** Converts a row of user_option to the message UserOption. */
export const toUserOption = (row: Omit<OptionRow, "bytes">): MessageInitShape<typeof UserOptionSchema> => ({
  userId: row.user_id,
  key: row.key,
  value: toValue(row.value),
  ...scopeFields(row.scope_kind, row.scope_id),
  etag: etagOfLife(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
  ...(row.expire_time && { expireTime: timestampFromDate(row.expire_time) }),
});

/** A stored scope option: a row of the table scope_option. */
export type ScopeOptionRow = Selectable<Schema["scope_option"]>;

/** Converts a row of scope_option to the message ScopeOption. */
export const toScopeOption = (row: Omit<ScopeOptionRow, "bytes">): MessageInitShape<typeof ScopeOptionSchema> => ({
  target: targetOf(row.scope_kind, row.scope_id),
  key: row.key,
  value: toValue(row.value),
  locked: row.locked,
  etag: etagOfLife(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});
