import { resourceNotFound } from "../contract/kinds/errors.ts";
import type { Tx } from "../db/write.ts";
import { lockedRow, requireLive, storedById } from "../kinds/stored.ts";
import { projects, teams } from "./kind.ts";

/** Checks that a project and a team are in one organization, and that none of the three is deleted. Throws NOT_FOUND TEAM_NOT_FOUND. */
export const assertProjectAndTeam = async (tx: Tx, projectId: bigint, teamId: bigint): Promise<void> => {
  const project = await lockedRow(tx, projects, projectId);
  requireLive(projects, project);
  const team = await storedById(tx, teams, teamId);
  if (team.organization_id !== project.organization_id) throw resourceNotFound(teams);
  requireLive(teams, team);
};
