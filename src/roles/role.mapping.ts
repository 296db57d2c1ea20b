import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { RoleSchema } from "../gen/userd/v1/role_pb.ts";
import { etagOfLife } from "../versions/etag.ts";
import type { RoleRow } from "./role.select.ts";

/** A role as the API shows it. */
export const toRole = (row: RoleRow): MessageInitShape<typeof RoleSchema> => ({
  name: row.name,
  permissions: row.permissions,
  etag: etagOfLife(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});
