import { sql } from "kysely";
import { members } from "../readers/sentry-organizationmember.ts";
import { teamMembers } from "../readers/sentry-organizationmemberteam.ts";
import { projects } from "../readers/sentry-project.ts";
import { projectTeams } from "../readers/sentry-projectteam.ts";
import { teams } from "../readers/sentry-team.ts";
import { emails } from "../readers/sentry-useremail.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { resolveOrganizations, resolveUsers, skipOfJoined } from "./references.ts";
import { mergeRows } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

const member: Target = {
  staging: members,
  key: ["organization_id", "user_id", "email", "email_canonical"],
  columns: { role: "null", flags: "0", create_time: "now()", invite_expire_time: "null" },
  stamps: { version: "t.version + 1" },
};

const links = [
  {
    staging: teamMembers,
    key: ["organization_id", "team_id", "member_id"],
    columns: { role: "0" },
    parents: [
      [teams, "team"],
      [members, "member"],
    ],
  },
  {
    staging: projectTeams,
    key: ["project_id", "team_id"],
    columns: {},
    parents: [
      [projects, "project"],
      [teams, "team"],
    ],
  },
] as const;

const match = "t.organization_id = s.organization_id and (t.user_id = s.user_id or t.email_canonical = s.email_canonical)";

/** Turns invitations of verified addresses into memberships of their users; an expired one only if that user is a member here. */
const settleInvitations = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`
    with accepted as (
      update import_member s set is_invited = true, user_id = e.user_id, email = null, email_canonical = null, invite_expire_time = null
      from user_email e where s.user_id is null and e.email_canonical = s.email_canonical and e.is_verified
        and (coalesce(s.invite_expire_time > now(), true) or exists (
          select from organization_member m where m.organization_id = s.organization_id and m.user_id = e.user_id))
      returning s.model, s.record, s.pk, e.user_id
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'an invitation of a verified address, which is a membership here', format('user %s', user_id) from accepted`);
  const reason = "its user is a member already";
  await skip(
    tx,
    members,
    reason,
    `t.is_invited and exists (select from import_member s where not s.is_invited and s.organization_id = t.organization_id and s.user_id = t.user_id)`,
  );
};

/**
 * Accepts invitations that are here, of addresses that the file verifies: as when a user verifies one, they keep ids, roles and teams.
 * The file's members come after it, and find the memberships.
 */
const acceptInvitations = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, emails) || (await tx.row(sql`select from organization_member where email_canonical is not null limit 1`)) === undefined)
    return;
  // Invitations are few, addresses are not: looked at from the other side, each address would be looked up.
  await tx.rows(sql`
    with open as materialized (
      select id, organization_id, email_canonical from organization_member
      where email_canonical is not null and coalesce(invite_expire_time > now(), true)
    ), verified as materialized (
      select i.*, e.user_id from open i join user_email e on e.email_canonical = i.email_canonical and e.is_verified
    ), invited as (
      select s.model, s.record, s.pk, i.id, i.organization_id, i.user_id,
        row_number() over (partition by i.organization_id, i.user_id order by i.id) = 1 and not exists (
          select from organization_member m where m.organization_id = i.organization_id and m.user_id = i.user_id) as is_accepted
      from verified i join import_email s on s.email_canonical = i.email_canonical and s.is_verified
    ), gone as (
      delete from organization_member where id in (select id from invited where not is_accepted)
    ), bound as (
      update organization_member m set user_id = i.user_id, email = null, email_canonical = null, invite_expire_time = null, version = m.version + 1
      from invited i where m.id = i.id and i.is_accepted
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, case when is_accepted then 'an organization here had invited the address: its user is a member now'
        else 'an organization here had invited the address: its user is a member already, and the invitation is gone' end,
      format('member %s of organization %s; user %s', id, organization_id, user_id) from invited`);
};

/** Writes who is in which team, and which team has which project; both sides have to be in the file. */
const mergeLinks = async (tx: ImportTx): Promise<void> => {
  for (const { staging, key, columns, parents } of links) {
    if (!isGiven(tx, staging)) continue;
    for (const [parent, name] of parents) {
      await tx.rows(sql.raw(`update ${staging.name} t set ${name}_id = p.id from ${parent.name} p where p.pk = t.${name}_pk`));
      // The teams of an invitation come in its record.
      if (parent === members)
        await tx.rows(sql`update import_team_member t set member_id = p.id from import_member p where p.record = t.record`);
      await skip(tx, staging, `its ${name} is not in the file, or was skipped`, `t.${name}_id is null`);
    }
    const organizationOf = (name: string, staged: string) => `(select p.organization_id from ${staged} p where p.id = t.${name}_id)`;
    const [[first, firstName], [second, secondName]] = parents;
    const [one, other] = [organizationOf(firstName, first.name), organizationOf(secondName, second.name)];
    await skip(tx, staging, "it links two organizations", `${one} <> ${other}`);
    if (staging === teamMembers) {
      await tx.rows(sql`update import_team_member t set organization_id = p.organization_id from import_team p where p.id = t.team_id`);
    }
    await skipRepeated(tx, staging, "it comes twice: the highest pk stands", key.join(", "), "pk desc");
    await mergeRows(tx, { staging, key, columns });
  }
};

/** Writes the members of organizations; each is known by its user, or by its address while that is only invited. */
const mergeOrganizationMembers = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, members)) return;
  await resolveOrganizations(tx, members);
  await resolveUsers(tx, members);
  // Invitations come first: one may name the address of the account that was joined.
  await settleInvitations(tx);
  await skipOfJoined(
    tx,
    members,
    "its user joined an account here, which gets no role in an organization that is here from a file",
    // A list and no look-up: statistics were made when no row had an id or an outcome.
    "t.organization_id not in (select o.id from import_organization o where o.outcome is null)",
  );
  await skip(
    tx,
    members,
    "its user is a member already",
    `t.is_invited and exists (select from organization_member x where x.organization_id = t.organization_id and x.user_id = t.user_id and x.id is distinct from t.pk)`,
  );
  const reason = "the organization has it twice: the highest pk stands";
  await skipRepeated(tx, members, reason, "organization_id, user_id", "pk desc");
  await skipRepeated(tx, members, reason, "organization_id, email_canonical", "pk desc");
  await mergeRows(tx, member, match);
};

/** Writes the members and invitations of organizations, the members of teams, and the teams of projects. */
export const mergeMembers = async (tx: ImportTx): Promise<void> => {
  await acceptInvitations(tx);
  await mergeOrganizationMembers(tx);
  await mergeLinks(tx);
};
