import { filled, nullAs, optional, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { eitherOf, namedColumns, reference, status } from "./organization-staging.ts";

/** The staging table of the teams in an import file. */
export const teams = {
  name: "import_team",
  table: "team",
  columns: { ...namedColumns, organization_pk: "bigint" },
  derived: { organization_id: "bigint", origin_name: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

const fields = {
  organization: reference,
  organization_id: reference,
  name: filled(64),
  slug: filled(50),
  // Active; pending deletion; being deleted.
  status: optional(status([0, null, null])),
  date_added: optional(nullAs(undefined, time)),
};

/** The import reader of `sentry.team` records, which hold the teams of organizations. */
export const sentryTeam = defineReader({
  model: "sentry.team",
  becomes: "a team of an organization",
  into: teams,
  fields,
  notHeld: {
    actor: "it is a key of Sentry's own for owners of any kind",
    idp_provisioned: "userd provisions no teams",
    org_role: "a team gives no role in its organization here",
  },
  row: ({ organization, organization_id, date_added, ...columns }) => ({
    ...columns,
    organization_pk: eitherOf(organization_id, organization, "organization"),
    create_time: date_added,
  }),
});
