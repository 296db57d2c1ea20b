import { kindReaders } from "../kinds/readers.ts";
import type { Reader } from "../reader.ts";
import { accountAccount } from "./account-account.ts";
import { accountAccountContact } from "./account-accountcontact.ts";
import { accountEmailAddress } from "./account-emailaddress.ts";
import { accountUserProfile } from "./account-userprofile.ts";
import { authGroup } from "./auth-group.ts";
import { authPermission } from "./auth-permission.ts";
import { authUser } from "./auth-user.ts";
import { contentType } from "./contenttypes-contenttype.ts";
import { sentryActor } from "./sentry-actor.ts";
import { sentryAuthenticator } from "./sentry-authenticator.ts";
import { sentryAuthIdentity } from "./sentry-authidentity.ts";
import { sentryAuthProvider } from "./sentry-authprovider.ts";
import { sentryIdentity } from "./sentry-identity.ts";
import { sentryIdentityProvider } from "./sentry-identityprovider.ts";
import { sentryControlOption, sentryOption } from "./sentry-option.ts";
import { sentryOrganization, sentryOrganizationMapping } from "./sentry-organization.ts";
import { sentryOrganizationMember, sentryOrganizationMemberMapping } from "./sentry-organizationmember.ts";
import { sentryOrganizationMemberInvite } from "./sentry-organizationmemberinvite.ts";
import { sentryOrganizationMemberTeam } from "./sentry-organizationmemberteam.ts";
import { sentryOrganizationOption } from "./sentry-organizationoption.ts";
import { sentryProject } from "./sentry-project.ts";
import { sentryProjectOption } from "./sentry-projectoption.ts";
import { sentryProjectTeam } from "./sentry-projectteam.ts";
import { sentryTeam } from "./sentry-team.ts";
import { sentryUser } from "./sentry-user.ts";
import { sentryUserEmail } from "./sentry-useremail.ts";
import { sentryUserIp } from "./sentry-userip.ts";
import { sentryUserOption } from "./sentry-useroption.ts";
import { sentryUserPermission } from "./sentry-userpermission.ts";
import { sentryUserRole } from "./sentry-userrole.ts";
import { sentryUserRoleUser } from "./sentry-userroleuser.ts";
import { socialAccount } from "./socialaccount-socialaccount.ts";
import { socialApp } from "./socialaccount-socialapp.ts";
import { userdUser } from "./userd-user.ts";

/** The import readers of all models that userd knows by name, including the models that kinds declare. */
export const readers: readonly Reader[] = [
  sentryUser,
  authUser,
  authGroup,
  authPermission,
  contentType,
  sentryUserEmail,
  accountEmailAddress,
  sentryUserOption,
  sentryOption,
  sentryControlOption,
  sentryOrganizationOption,
  sentryProjectOption,
  sentryOrganization,
  sentryOrganizationMapping,
  sentryProject,
  sentryTeam,
  sentryOrganizationMember,
  sentryOrganizationMemberMapping,
  sentryOrganizationMemberInvite,
  sentryOrganizationMemberTeam,
  sentryProjectTeam,
  sentryUserPermission,
  sentryUserRole,
  sentryUserRoleUser,
  sentryAuthenticator,
  sentryUserIp,
  sentryIdentityProvider,
  sentryIdentity,
  socialApp,
  socialAccount,
  sentryAuthProvider,
  sentryAuthIdentity,
  userdUser,
  accountAccount,
  accountUserProfile,
  accountAccountContact,
  sentryActor,
  ...kindReaders,
];
