import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { addMember } from "./add-member.ts";
import { addProjectTeam } from "./add-project-team.ts";
import { addTeamMember } from "./add-team-member.ts";
import { batchGetMemberships } from "./batch-get-memberships.ts";
import { createOrganization } from "./create-organization.ts";
import { createProject } from "./create-project.ts";
import { createTeam } from "./create-team.ts";
import { deleteOrganization } from "./delete-organization.ts";
import { deleteProject } from "./delete-project.ts";
import { deleteTeam } from "./delete-team.ts";
import { getOrganization } from "./get-organization.ts";
import { getProject } from "./get-project.ts";
import { getTeam } from "./get-team.ts";
import { inviteMember } from "./invite-member.ts";
import { listMembers } from "./list-members.ts";
import { listOrganizations } from "./list-organizations.ts";
import { listProjects } from "./list-projects.ts";
import { listTeams } from "./list-teams.ts";
import { listUserOrganizations } from "./list-user-organizations.ts";
import { purgeOrganization } from "./purge-organization.ts";
import { purgeProject } from "./purge-project.ts";
import { purgeTeam } from "./purge-team.ts";
import { removeMember } from "./remove-member.ts";
import { removeProjectTeam } from "./remove-project-team.ts";
import { removeTeamMember } from "./remove-team-member.ts";
import { resendInvitation } from "./resend-invitation.ts";
import { setMemberRole } from "./set-member-role.ts";
import { undeleteOrganization } from "./undelete-organization.ts";
import { undeleteProject } from "./undelete-project.ts";
import { undeleteTeam } from "./undelete-team.ts";
import { updateOrganization } from "./update-organization.ts";
import { updateProject } from "./update-project.ts";
import { updateTeam } from "./update-team.ts";

/** Every RPC of OrganizationService, one file each. */
export const organizationOperations = (app: Dependencies): Operations<typeof OrganizationService> => ({
  createOrganization: createOrganization(app),
  getOrganization: getOrganization(app),
  updateOrganization: updateOrganization(app),
  deleteOrganization: deleteOrganization(app),
  undeleteOrganization: undeleteOrganization(app),
  purgeOrganization: purgeOrganization(app),
  listOrganizations: listOrganizations(app),
  createProject: createProject(app),
  getProject: getProject(app),
  updateProject: updateProject(app),
  deleteProject: deleteProject(app),
  undeleteProject: undeleteProject(app),
  purgeProject: purgeProject(app),
  listProjects: listProjects(app),
  createTeam: createTeam(app),
  getTeam: getTeam(app),
  updateTeam: updateTeam(app),
  deleteTeam: deleteTeam(app),
  undeleteTeam: undeleteTeam(app),
  purgeTeam: purgeTeam(app),
  listTeams: listTeams(app),
  inviteMember: inviteMember(app),
  resendInvitation: resendInvitation(app),
  addMember: addMember(app),
  removeMember: removeMember(app),
  setMemberRole: setMemberRole(app),
  listMembers: listMembers(app),
  addTeamMember: addTeamMember(app),
  removeTeamMember: removeTeamMember(app),
  addProjectTeam: addProjectTeam(app),
  removeProjectTeam: removeProjectTeam(app),
  listUserOrganizations: listUserOrganizations(app),
  batchGetMemberships: batchGetMemberships(app),
});
