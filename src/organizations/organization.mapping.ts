import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type OrganizationSchema, OrganizationStatus } from "../gen/userd/v1/organization_pb.ts";
import type { ProjectSchema } from "../gen/userd/v1/project_pb.ts";
import type { TeamSchema } from "../gen/userd/v1/team_pb.ts";
import { etagOf } from "../versions/etag.ts";
import type { NamedRow, OrganizationRow, ProjectRow, TeamRow } from "./kind.ts";

/** The value of the column `status` for ACTIVE. */
export const ACTIVE = 0;
/** The value of the column `status` for HIDDEN. */
export const HIDDEN = 1;

const statusOf = ({ status, delete_time }: NamedRow): OrganizationStatus => {
  if (delete_time !== null) return OrganizationStatus.DELETED;
  return status === HIDDEN ? OrganizationStatus.HIDDEN : OrganizationStatus.ACTIVE;
};

const toNamed = (row: NamedRow) => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  status: statusOf(row),
  createTime: timestampFromDate(row.create_time),
  ...(row.delete_time && { deleteTime: timestampFromDate(row.delete_time) }),
  ...(row.purge_time && { purgeTime: timestampFromDate(row.purge_time) }),
  etag: etagOf(row),
});

/** An organization as the API shows it. */
export const toOrganization = (row: OrganizationRow): MessageInitShape<typeof OrganizationSchema> => ({
  ...toNamed(row),
  openMembership: row.open_membership,
  flags: row.flags,
});

/** A project as the API shows it. */
export const toProject = (row: ProjectRow): MessageInitShape<typeof ProjectSchema> => ({
  ...toNamed(row),
  organizationId: row.organization_id,
  flags: row.flags,
  teamIds: row.team_ids.map(BigInt),
});

/** A team as the API shows it. */
export const toTeam = (row: TeamRow): MessageInitShape<typeof TeamSchema> => ({ ...toNamed(row), organizationId: row.organization_id });
