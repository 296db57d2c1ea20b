import { sql } from "kysely";
import { organizations } from "../readers/organization-staging.ts";
import { members } from "../readers/sentry-organizationmember.ts";
import { projects } from "../readers/sentry-project.ts";
import { teams } from "../readers/sentry-team.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { insertRows, keepAbsent, matchRows, updateRows } from "./rows.ts";
import { skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

const named = { name: "null", slug: "null", status: "0", create_time: "now()" } as const;
const stamps = { version: "t.version + 1" } as const;

const organization: Target = {
  staging: organizations,
  key: [],
  columns: { ...named, flags: "0", open_membership: "true" },
  stamps,
};
const project: Target = { staging: projects, key: ["organization_id"], columns: { ...named, flags: "0" }, stamps };
const team: Target = { staging: teams, key: ["organization_id"], columns: named, stamps };

/**
 * Skips Sentry's replicas (models `…mapping`) whose original, an organization or a member, is in the file. Other replicas are imported like
 * originals.
 */
export const settleReplicas = async (tx: ImportTx): Promise<void> => {
  // Invitations have keys of their own, too, by which nothing names them: they are no members' keys.
  if (isGiven(tx, members))
    await tx.rows(sql`update import_member set pk = null, id = null where model = 'sentry.organizationmemberinvite'`);
  for (const [staging, original] of [
    [organizations, "sentry.organization"],
    [members, "sentry.organizationmember"],
  ] as const) {
    if (
      !isGiven(tx, staging) ||
      (await tx.row(sql`select from ${sql.table(staging.name)} where model like '%mapping' limit 1`)) === undefined
    )
      continue;
    await skipRepeated(tx, staging, "what it stands for is in the file too", "pk", `(model = '${original}') desc, record desc`);
  }
};

/** Matches by the name too, as with users: what the service stored since the comparison may have the same id. */
const MATCH = "t.id = s.id and t.slug = s.slug";

/** Writes the organizations of a file, their projects and their teams. */
export const mergeOrganizations = async (tx: ImportTx): Promise<void> => {
  for (const target of [organization, project, team]) {
    const { staging } = target;
    if (!isGiven(tx, staging)) continue;
    await keepAbsent(tx, target, MATCH);
    await matchRows(tx, target, MATCH);
    await updateRows(tx, target);
    await insertRows(tx, target);
  }
};
