import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { MemberRole, MemberSchema, TeamRole } from "../gen/userd/v1/member_pb.ts";
import { etagOf } from "../versions/etag.ts";

/** The row of a member or invitation, as `memberColumns` selects it; the driver returns ids within arrays as texts. */
export type MemberRow = {
  readonly id: bigint;
  readonly organization_id: bigint;
  readonly user_id: bigint | null;
  readonly email: string | null;
  readonly role: number;
  readonly flags: bigint;
  readonly create_time: Date;
  readonly invite_expire_time: Date | null;
  readonly is_invite_expired: boolean;
  readonly version: number;
  readonly team_ids: readonly string[];
  readonly team_roles: readonly number[];
};

/** The list of columns in SQL that selects a `MemberRow` from `organization_member r`. */
export const memberColumns = sql.raw<MemberRow>(`r.id, r.organization_id, r.user_id, r.email, r.role, r.flags, r.create_time, r.version,
  r.invite_expire_time, coalesce(r.invite_expire_time <= now(), false) as is_invite_expired,
  array(select tm.team_id::text from team_member tm where tm.member_id = r.id order by tm.team_id) as team_ids,
  array(select tm.role from team_member tm where tm.member_id = r.id order by tm.team_id) as team_roles`);

/** Returns the value of the column `role` for a role other than UNSPECIFIED. */
export const roleColumn = (role: MemberRole | TeamRole): number => role - 1;

/** Makes the Member of the API from the row of a member or invitation. */
export const toMember = (row: MemberRow): MessageInitShape<typeof MemberSchema> => ({
  id: row.id,
  organizationId: row.organization_id,
  userId: row.user_id ?? 0n,
  email: row.email ?? "",
  role: (row.role + 1) as MemberRole,
  teamIds: row.team_ids.map(BigInt),
  teams: row.team_ids.map((id, index) => ({ teamId: BigInt(id), role: ((row.team_roles[index] ?? 0) + 1) as TeamRole })),
  flags: row.flags,
  createTime: timestampFromDate(row.create_time),
  etag: etagOf(row),
  ...(row.invite_expire_time && { inviteExpireTime: timestampFromDate(row.invite_expire_time) }),
  isInviteExpired: row.is_invite_expired,
});
