import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { conflict } from "../errors.ts";
import type { RoleSchema } from "../gen/userd/v1/role_pb.ts";
import type { RoleRow } from "./role.select.ts";

/** The version of a role. The id is part of it: a role that is created anew begins at version 1 again. */
const roleEtag = ({ id, version }: RoleRow): string => `${id}.${version}`;

/** A role as the API shows it. */
export const toRole = (row: RoleRow): MessageInitShape<typeof RoleSchema> => ({
  name: row.name,
  permissions: row.permissions,
  etag: roleEtag(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});

/**
 * The change is based on the version that is stored; an empty etag asks for no check.
 * @throws ABORTED ETAG_MISMATCH.
 */
export const assertRoleEtag = (row: RoleRow, etag: string): void => {
  const current = roleEtag(row);
  if (etag !== "" && etag !== current) throw conflict("ETAG_MISMATCH", "The role has changed since.", { metadata: { etag: current } });
};
