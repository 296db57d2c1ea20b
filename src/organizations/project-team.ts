import type { Tx } from "../db/transaction.ts";
import { projects, teams } from "./kind.ts";
import { assertOrganization, requireLive, storedById } from "./stored.ts";

/**
 * Checks that a project and a team are in the organization, and that none of the three is deleted.
 * @throws NOT_FOUND TEAM_NOT_FOUND, also for a team of another organization.
 */
export const assertProjectAndTeam = async (tx: Tx, organizationId: bigint, projectId: bigint, teamId: bigint): Promise<void> => {
  await assertOrganization(tx, organizationId, projects);
  requireLive(projects, await storedById(tx, projects, projectId));
  const team = await storedById(tx, teams, teamId);
  if (team.organization_id !== organizationId) throw teams.notFound();
  requireLive(teams, team);
};
