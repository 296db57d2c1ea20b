import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import type { ScopeOptionSchema } from "../gen/userd/v1/scope_option_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { etagOfLife } from "../versions/etag.ts";
import { targetOf } from "./target.ts";
import { toValue } from "./value.ts";

/** A row of scope_option. */
export type ScopeOptionRow = Selectable<Schema["scope_option"]>;

/** A scope option as the API shows it. */
export const toScopeOption = (row: Omit<ScopeOptionRow, "bytes">): MessageInitShape<typeof ScopeOptionSchema> => ({
  target: targetOf(row.scope_kind, row.scope_id),
  key: row.key,
  value: toValue(row.value),
  locked: row.locked,
  etag: etagOfLife(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});
