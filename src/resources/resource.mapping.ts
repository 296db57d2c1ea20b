import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ResourceSchema } from "../gen/userd/v1/resource_pb.ts";
import type { ResourceRow } from "./resource.select.ts";

/** A resource as the API shows it. */
export const toResource = (row: ResourceRow): MessageInitShape<typeof ResourceSchema> => ({
  id: row.id,
  kind: row.kind,
  ownerProfileId: row.owner_profile_id,
  accountId: row.account_id,
  name: row.name,
  createTime: timestampFromDate(row.create_time),
});
