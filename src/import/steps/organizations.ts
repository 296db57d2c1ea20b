import { sql } from "kysely";
import { organizations } from "../readers/organization-staging.ts";
import { members } from "../readers/sentry-organizationmember.ts";
import { projects } from "../readers/sentry-project.ts";
import { teams } from "../readers/sentry-team.ts";
import type { StagingTable } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { insertRows, keepAbsent, matchRows, moveSequence, skip, skipRepeated, type Target, updateRows } from "./rows.ts";

const named = { name: "null", slug: "null", status: "0", create_time: "now()" } as const;
const stamps = { version: "t.version + 1" } as const;

const organization: Target = { staging: organizations, table: "organization", key: [], columns: { ...named, flags: "0" }, stamps };
const project: Target = { staging: projects, table: "project", key: ["organization_id"], columns: { ...named, flags: "0" }, stamps };
const team: Target = { staging: teams, table: "team", key: ["organization_id"], columns: named, stamps };

/** A replica stands for what it is one of, unless the file holds that too. */
export const settleReplicas = async (tx: ImportTx): Promise<void> => {
  // Invitations have keys of their own, too, by which nothing names them: they are no members' keys.
  await sql`update import_member set pk = null where model = 'sentry.organizationmemberinvite'`.execute(tx.sql, tx.abort);
  for (const [staging, original] of [
    [organizations, "sentry.organization"],
    [members, "sentry.organizationmember"],
  ] as const) {
    await skip(tx, staging, "it names nothing that it stands for", `t.wanted_pk is null and t.model like '%mapping'`);
    await sql`update ${sql.raw(staging.name)} set pk = wanted_pk where wanted_pk is not null`.execute(tx.sql, tx.abort);
    await skipRepeated(tx, staging, "what it stands for is in the file too", "pk", `(model = '${original}') desc, record desc`);
  }
};

/**
 * Organizations, projects and teams keep their ids, since options name them by these: what has another id or slug here is
 * not the same one, and is left as it is.
 * @param within the columns in which a slug is unique, with a comma behind.
 */
const skipOthers = async (tx: ImportTx, { staging, table }: Target, within: string): Promise<void> => {
  const [own, other] = [`(${within}slug)`, `row(${within.replaceAll(/(\w+), /g, "x.$1, ")}x.slug)`];
  await sql`update ${sql.raw(staging.name)} set id = pk`.execute(tx.sql, tx.abort);
  const mine = `row(${within.replaceAll(/(\w+), /g, "t.$1, ")}t.slug)`;
  await skipRepeated(tx, staging, `its slug comes again: the lowest pk stands`, own.slice(1, -1), "pk");
  await skip(tx, staging, `its id is another ${table}'s here`, `exists (select from ${table} x where x.id = t.id and ${other} <> ${mine})`);
  await skip(
    tx,
    staging,
    `its slug is another ${table}'s here`,
    `exists (select from ${table} x where x.id <> t.id and ${other} = ${mine})`,
  );
};

/**
 * Finds the organizations that rows belong to: those of the file, then those that are here. A row of one that was skipped
 * is skipped: its id may be another one's here.
 */
export const resolveOrganizations = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  const find = (from: string) =>
    sql
      .raw(
        `update ${staging.name} t set organization_id = o.id from ${from} o where t.organization_id is null and o.id = t.organization_pk`,
      )
      .execute(tx.sql, tx.abort);
  await find(organizations.name);
  const models = "('sentry.organization', 'sentry.organizationmapping')";
  await skip(
    tx,
    staging,
    "its organization was skipped",
    `t.organization_id is null and t.organization_pk in (select pk from import_skip where model in ${models})`,
  );
  await find("organization");
  await skip(tx, staging, "its organization is neither in the file nor here", "t.organization_id is null");
};

/** Writes the organizations of a file, their projects and their teams. */
export const mergeOrganizations = async (tx: ImportTx): Promise<void> => {
  for (const target of [organization, project, team]) {
    const { staging } = target;
    const isOrganization = target === organization;
    if (!isOrganization) await resolveOrganizations(tx, staging);
    await skipOthers(tx, target, isOrganization ? "" : "organization_id, ");
    await keepAbsent(tx, target, "t.id = s.id");
    await matchRows(tx, target, "t.id = s.id");
    await sql`update ${sql.raw(staging.name)} set outcome = 'created' where outcome is null`.execute(tx.sql, tx.abort);
    await moveSequence(tx, target);
    await updateRows(tx, target);
    await insertRows(tx, target);
  }
};
