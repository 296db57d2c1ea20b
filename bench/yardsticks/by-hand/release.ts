import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { ReleaseSchema, ReleaseStatus } from "../../../src/gen/userd/kinds/v1/release_pb.ts";

/** The row of a release, as `releaseColumns` selects it; ids in an array come as text. */
export type ReleaseRow = {
  readonly id: bigint;
  readonly organization_id: bigint;
  readonly version: string;
  readonly status: ReleaseStatus;
  readonly owner_user_id: bigint | null;
  readonly ref: string;
  readonly url: string;
  readonly data: JsonObject | null;
  readonly start_time: Date | null;
  readonly release_time: Date | null;
  readonly commit_count: bigint;
  readonly create_time: Date;
  readonly delete_time: Date | null;
  readonly purge_time: Date | null;
  readonly etag: number;
  readonly project_ids: readonly string[];
};

/** The list of columns in SQL that selects a `ReleaseRow` from `release r`. */
export const releaseColumns = sql.raw<ReleaseRow>(`r.id, r.organization_id, r.version, r.status, r.owner_user_id, r.ref, r.url, r.data,
  r.start_time, r.release_time, r.commit_count, r.create_time, r.delete_time, r.purge_time, r.etag,
  array(select l.project_id::text from release_project l where l.release_id = r.id order by l.project_id) as project_ids`);

/** Makes the Release of the API from its row. */
export const toRelease = (row: ReleaseRow): MessageInitShape<typeof ReleaseSchema> => ({
  id: row.id,
  organizationId: row.organization_id,
  version: row.version,
  status: row.status,
  projectIds: row.project_ids.map(BigInt),
  ref: row.ref,
  url: row.url,
  commitCount: row.commit_count,
  createTime: timestampFromDate(row.create_time),
  etag: String(row.etag),
  ...(row.owner_user_id !== null && { ownerUserId: row.owner_user_id }),
  ...(row.data && { data: row.data }),
  ...(row.start_time && { startTime: timestampFromDate(row.start_time) }),
  ...(row.release_time && { releaseTime: timestampFromDate(row.release_time) }),
  ...(row.delete_time && { deleteTime: timestampFromDate(row.delete_time) }),
  ...(row.purge_time && { purgeTime: timestampFromDate(row.purge_time) }),
});
