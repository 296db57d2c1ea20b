import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time, timeOfInsert } from "./columns.ts";

/** Longest slug; a generated one with its number has no more. */
export const SLUG_LENGTH = 50;

/** A group of users that share projects. */
export const OrganizationSchema = defineEntity({
  name: "Organization",
  tableName: "organization",
  properties: {
    id: id(),
    name: text(64),
    slug: text(SLUG_LENGTH),
    /** 0 active, 1 hidden. That it is deleted stands in delete_time. */
    status: p.smallint().default(0),
    /** Members may join teams by themselves: they see all projects. */
    openMembership: p.boolean().default(true),
    /** A bit field, kept as imported, but for the bit of open_membership. */
    flags: p.bigint().defaultRaw("0"),
    createTime: timeOfInsert(),
    deleteTime: time().nullable(),
    /** When a deleted organization is removed for good. */
    purgeTime: time().nullable(),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "organization_slug_key", properties: ["slug"] }],
  indexes: [
    {
      name: "organization_purge_time_index",
      expression: "create index organization_purge_time_index on organization (purge_time) where purge_time is not null",
    },
  ],
  checks: [
    { name: "organization_not_empty", expression: "name <> '' and slug <> ''" },
    { name: "organization_status_known", expression: "status >= 0 and status <= 1" },
    { name: "organization_purged_when_deleted", expression: "(delete_time is null) = (purge_time is null)" },
  ],
});

/** An organization. */
export class Organization extends OrganizationSchema.class {}

OrganizationSchema.setClass(Organization);
