import { sql } from "kysely";
import { accountContacts, accounts, profiles } from "../readers/account-staging.ts";
import { organizations } from "../readers/organization-staging.ts";
import { authenticators } from "../readers/sentry-authenticator.ts";
import { authIdentities } from "../readers/sentry-authidentity.ts";
import { authProviders } from "../readers/sentry-authprovider.ts";
import { identities } from "../readers/sentry-identity.ts";
import { identityProviders } from "../readers/sentry-identityprovider.ts";
import { members } from "../readers/sentry-organizationmember.ts";
import { teamMembers } from "../readers/sentry-organizationmemberteam.ts";
import { projects } from "../readers/sentry-project.ts";
import { projectTeams } from "../readers/sentry-projectteam.ts";
import { teams } from "../readers/sentry-team.ts";
import { emails } from "../readers/sentry-useremail.ts";
import { ips } from "../readers/sentry-userip.ts";
import { options } from "../readers/sentry-useroption.ts";
import { permissions } from "../readers/sentry-userpermission.ts";
import { roles } from "../readers/sentry-userrole.ts";
import { roleMembers } from "../readers/sentry-userroleuser.ts";
import { users } from "../readers/user-staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";

/** The tables whose rows keep the ids of the file. */
const tables = [
  [users, "users"],
  [emails, "user_email"],
  [options, "user_option"],
  [organizations, "organization"],
  [projects, "project"],
  [teams, "team"],
  [members, "organization_member"],
  [teamMembers, "team_member"],
  [projectTeams, "project_team"],
  [roles, "role"],
  [roleMembers, "role_member"],
  [permissions, "user_permission"],
  [ips, "user_ip"],
  [authenticators, "authenticator"],
  [identityProviders, "identity_provider"],
  [identities, "identity"],
  [authProviders, "auth_provider"],
  [authIdentities, "auth_identity"],
  [accounts, "account"],
  [profiles, "user_profile"],
  [accountContacts, "account_contact"],
] as const;

/** So many ids a service never draws while one statement runs. */
const MANY = 10_000;

/**
 * Moves the sequences past the ids of the file: from then on a service that runs at the same time draws none of them. What it
 * drew before shows as a conflict, or ends the attempt (import.ts). A short way is gone by drawing: setting a sequence would
 * take it back by what the service drew since it was read. Not in a dry run: a rollback does not move a sequence back.
 */
export const reserveIds = async (tx: ImportTx): Promise<void> => {
  if (tx.dryRun) return;
  for (const [staging, table] of tables) {
    if (!isGiven(tx, staging)) continue;
    const sequence = `${table}_id_seq`;
    await tx.rows(
      sql.raw(
        `select case when missing > ${MANY} then setval('${sequence}', id)
            else (select count(nextval('${sequence}')) from generate_series(1, missing)) end
          from (
            select staged.id, staged.id - s.last_value + (not s.is_called)::int as missing from (select greatest(max(pk), 0) as id from ${staging.name}) staged, ${sequence} s
          ) behind where missing > 0`,
      ),
    );
  }
};

/** Reserves ids before new ones are drawn, which a file that is to stop at conflicts only does for users without a key. */
export const reserveForNew = async (tx: ImportTx): Promise<void> => {
  const rows = await tx.rows(sql`select from import_user where pk < 0 limit 1`);
  if (tx.onConflict !== "fail" || rows.length > 0) await reserveIds(tx);
};
