import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time, timeOfInsert } from "./columns.ts";
import { Organization, SLUG_LENGTH } from "./organization.entity.ts";

/** What an organization works on; options can belong to one. */
export const ProjectSchema = defineEntity({
  name: "Project",
  tableName: "project",
  properties: {
    id: id(),
    organization: () => p.manyToOne(Organization).mapToPk(),
    name: text(200),
    slug: text(SLUG_LENGTH),
    /** 0 active, 1 hidden. That it is deleted stands in delete_time. */
    status: p.smallint().default(0),
    /** A bit field, kept as imported. */
    flags: p.bigint().defaultRaw("0"),
    createTime: timeOfInsert(),
    deleteTime: time().nullable(),
    /** When a deleted project is removed for good. */
    purgeTime: time().nullable(),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "project_slug_key", properties: ["organization", "slug"] }],
  indexes: [
    { name: "project_organization_index", properties: ["organization", "id"] },
    {
      name: "project_purge_time_index",
      expression: "create index project_purge_time_index on project (purge_time) where purge_time is not null",
    },
  ],
  checks: [
    { name: "project_not_empty", expression: "name <> '' and slug <> ''" },
    { name: "project_status_known", expression: "status >= 0 and status <= 1" },
    { name: "project_purged_when_deleted", expression: "(delete_time is null) = (purge_time is null)" },
  ],
});

/** A project. */
export class Project extends ProjectSchema.class {}

ProjectSchema.setClass(Project);
