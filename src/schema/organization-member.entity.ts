import { defineEntity, p } from "@mikro-orm/core";
import { canonical, id, text, time, timeOfInsert } from "./columns.ts";
import { Organization } from "./organization.entity.ts";
import { User } from "./user.entity.ts";

/** A member of an organization: a user, or an address that is invited until its user appears. */
export const OrganizationMemberSchema = defineEntity({
  name: "OrganizationMember",
  tableName: "organization_member",
  properties: {
    id: id(),
    organization: () => p.manyToOne(Organization).mapToPk(),
    user: () => p.manyToOne(User).mapToPk().nullable().deleteRule("no action"),
    /** The address of an invitation, as it was written. */
    email: text(200).nullable(),
    /** The same, folded (db/canonical-names.ts). */
    emailCanonical: canonical().nullable(),
    /** 0 member, 1 admin, 2 manager, 3 owner: each may do what the ones before it may. */
    role: p.smallint(),
    /** A bit field, kept as imported. */
    flags: p.bigint().defaultRaw("0"),
    createTime: timeOfInsert(),
    /** When an invitation expires; null = never. */
    inviteExpireTime: time().nullable(),
    /** The etag: counts the writes of this row. */
    version: p.integer().version().default(1),
  },
  uniques: [
    { name: "organization_member_user_key", properties: ["organization", "user"] },
    { name: "organization_member_email_key", properties: ["organization", "emailCanonical"] },
  ],
  indexes: [
    { name: "organization_member_index", properties: ["organization", "id"] },
    { name: "organization_member_user_index", properties: ["user", "organization"] },
    {
      name: "organization_member_email_canonical_index",
      expression:
        "create index organization_member_email_canonical_index on organization_member (email_canonical) where email_canonical is not null",
    },
  ],
  checks: [
    {
      name: "organization_member_kind",
      expression: "(user_id is null) = (email is not null) and (email is null) = (email_canonical is null)",
    },
    { name: "organization_member_invitations_expire", expression: "invite_expire_time is null or user_id is null" },
    { name: "organization_member_role_known", expression: "role >= 0 and role <= 3" },
  ],
});

/** A member or an invitation. */
export class OrganizationMember extends OrganizationMemberSchema.class {}

OrganizationMemberSchema.setClass(OrganizationMember);
