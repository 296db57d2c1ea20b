import { defineEntity, p } from "@mikro-orm/core";
import { id, timeOfInsert } from "./columns.ts";
import { Project } from "./project.entity.ts";
import { Team } from "./team.entity.ts";

/** A project that is given to a team; goes with either. */
export const ProjectTeam = defineEntity({
  name: "ProjectTeam",
  tableName: "project_team",
  properties: {
    id: id(),
    project: () => p.manyToOne(Project).mapToPk().deleteRule("cascade"),
    team: () => p.manyToOne(Team).mapToPk().deleteRule("cascade"),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "project_team_key", properties: ["project", "team"] }],
  indexes: [{ name: "project_team_team_index", properties: ["team", "project"] }],
});
