import type { Operations } from "../call.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { purgeOrganization, purgeProject, purgeTeam } from "../lifecycle/purge-organizations.ts";
import { addMember } from "../organizations/add-member.ts";
import { addProjectTeam } from "../organizations/add-project-team.ts";
import { addTeamMember } from "../organizations/add-team-member.ts";
import { batchGetMemberships } from "../organizations/batch-get-memberships.ts";
import { createOrganization } from "../organizations/create-organization.ts";
import { createProject } from "../organizations/create-project.ts";
import { createTeam } from "../organizations/create-team.ts";
import { deleteOrganization } from "../organizations/delete-organization.ts";
import { deleteProject } from "../organizations/delete-project.ts";
import { deleteTeam } from "../organizations/delete-team.ts";
import { getOrganization } from "../organizations/get-organization.ts";
import { getProject } from "../organizations/get-project.ts";
import { getTeam } from "../organizations/get-team.ts";
import { inviteMember } from "../organizations/invite-member.ts";
import { listMembers } from "../organizations/list-members.ts";
import { listOrganizations } from "../organizations/list-organizations.ts";
import { listProjects } from "../organizations/list-projects.ts";
import { listTeams } from "../organizations/list-teams.ts";
import { listUserOrganizations } from "../organizations/list-user-organizations.ts";
import { removeMember } from "../organizations/remove-member.ts";
import { removeProjectTeam } from "../organizations/remove-project-team.ts";
import { removeTeamMember } from "../organizations/remove-team-member.ts";
import { resendInvitation } from "../organizations/resend-invitation.ts";
import { setMemberRole } from "../organizations/set-member-role.ts";
import { undeleteOrganization } from "../organizations/undelete-organization.ts";
import { undeleteProject } from "../organizations/undelete-project.ts";
import { undeleteTeam } from "../organizations/undelete-team.ts";
import { updateOrganization } from "../organizations/update-organization.ts";
import { updateProject } from "../organizations/update-project.ts";
import { updateTeam } from "../organizations/update-team.ts";
import type { AllDependencies } from "./dependencies.ts";

/** Every RPC of OrganizationService. */
export const organizationOperations = (app: AllDependencies): Operations<typeof OrganizationService> => ({
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
