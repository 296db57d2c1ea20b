import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { eitherOf, reference } from "./organization-staging.ts";

/** The staging table of the links between projects and teams in an import file. */
export const projectTeams = {
  name: "import_project_team",
  table: "project_team",
  isLeaf: true,
  columns: { project_pk: "bigint", team_pk: "bigint" },
  derived: { project_id: "bigint", team_id: "bigint" },
} as const satisfies StagingTable;

/** The import reader of `sentry.projectteam` records, which hold the links between projects and teams. */
export const sentryProjectTeam = defineReader({
  model: "sentry.projectteam",
  becomes: "a team of a project; both have to be in the file",
  into: projectTeams,
  fields: { project: reference, project_id: reference, team: reference, team_id: reference },
  row: ({ project, project_id, team, team_id }) => ({
    project_pk: eitherOf(project_id, project, "project"),
    team_pk: eitherOf(team_id, team, "team"),
  }),
});
