import { filled, int, nullAs, optional, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { eitherOf, namedColumns, reference, status } from "./organization-staging.ts";

/** The staging table of the projects in an import file. */
export const projects = {
  name: "import_project",
  table: "project",
  columns: { ...namedColumns, flags: "bigint", organization_pk: "bigint" },
  derived: { organization_id: "bigint", origin_name: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

const fields = {
  organization: reference,
  organization_id: reference,
  name: filled(200),
  slug: filled(50),
  // Active; disabled; pending deletion; being deleted.
  status: optional(status([0, 1, null, null])),
  flags: optional(nullAs(undefined, int)),
  date_added: optional(nullAs(undefined, time)),
};

/** The import reader of `sentry.project` records, which hold the projects of organizations. */
export const sentryProject = defineReader({
  model: "sentry.project",
  becomes: "a project of an organization",
  into: projects,
  fields,
  notHeld: {
    public: "userd leaves it to its callers who sees a project",
    forced_color: "it is about the events of a project, which userd does not hold",
    platform: "it is about the events of a project, which userd does not hold",
    first_event: "it is about the events of a project, which userd does not hold",
  },
  row: ({ organization, organization_id, date_added, ...columns }) => ({
    ...columns,
    organization_pk: eitherOf(organization_id, organization, "organization"),
    create_time: date_added,
  }),
});
