import type { Operations } from "../call.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { standardOperations } from "../kinds/standard-operations.ts";
import { planOrganizationErasure, planProjectErasure, planTeamErasure } from "../lifecycle/erasure/plan-scopes.ts";
import { purgeScope } from "../lifecycle/purge-organizations.ts";
import { addMember } from "../organizations/add-member.ts";
import { addProjectTeam } from "../organizations/add-project-team.ts";
import { addTeamMember } from "../organizations/add-team-member.ts";
import { batchGetMemberships } from "../organizations/batch-get-memberships.ts";
import { createOrganization } from "../organizations/create-organization.ts";
import { inviteMember } from "../organizations/invite-member.ts";
import { listMembers } from "../organizations/list-members.ts";
import { listOrganizations } from "../organizations/list-organizations.ts";
import { listUserOrganizations } from "../organizations/list-user-organizations.ts";
import { removeMember } from "../organizations/remove-member.ts";
import { removeProjectTeam } from "../organizations/remove-project-team.ts";
import { removeTeamMember } from "../organizations/remove-team-member.ts";
import { resendInvitation } from "../organizations/resend-invitation.ts";
import { setMemberRole } from "../organizations/set-member-role.ts";
import type { AllDependencies } from "./dependencies.ts";

type Model = "Organization" | "Project" | "Team";

type Standard = `${"create" | "get" | "update" | "delete" | "undelete" | "purge"}${Model}` | `list${Model}s`;

/** Makes the operations of OrganizationService, one for each RPC. */
export const organizationOperations = (app: AllDependencies): Operations<typeof OrganizationService> => ({
  ...(standardOperations(app, OrganizationService, {
    CreateOrganization: createOrganization,
    ListOrganizations: listOrganizations,
    PurgeOrganization: purgeScope(app.eraser),
    PurgeProject: purgeScope(app.eraser),
    PurgeTeam: purgeScope(app.eraser),
  }) as Pick<Operations<typeof OrganizationService>, Standard>),
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
  planOrganizationErasure: planOrganizationErasure(app),
  planProjectErasure: planProjectErasure(app),
  planTeamErasure: planTeamErasure(app),
});
