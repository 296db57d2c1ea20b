import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time, timeOfInsert } from "./columns.ts";
import { Organization, SLUG_LENGTH } from "./organization.entity.ts";

/** A group of members of an organization, to which projects are given. */
export const TeamSchema = defineEntity({
  name: "Team",
  tableName: "team",
  properties: {
    id: id(),
    organization: () => p.manyToOne(Organization).mapToPk(),
    name: text(64),
    slug: text(SLUG_LENGTH),
    /** 0 active, 1 hidden. That it is deleted stands in delete_time. */
    status: p.smallint().default(0),
    createTime: timeOfInsert(),
    deleteTime: time().nullable(),
    /** When a deleted team is removed for good. */
    purgeTime: time().nullable(),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "team_slug_key", properties: ["organization", "slug"] }],
  indexes: [
    { name: "team_organization_index", properties: ["organization", "id"] },
    {
      name: "team_purge_time_index",
      expression: "create index team_purge_time_index on team (purge_time) where purge_time is not null",
    },
  ],
  checks: [
    { name: "team_not_empty", expression: "name <> '' and slug <> ''" },
    { name: "team_status_known", expression: "status >= 0 and status <= 1" },
    { name: "team_purged_when_deleted", expression: "(delete_time is null) = (purge_time is null)" },
  ],
});

/** A team. */
export class Team extends TeamSchema.class {}

TeamSchema.setClass(Team);
