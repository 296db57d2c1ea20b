import { type RawBuilder, sql } from "kysely";
import type { Tx } from "../db/write.ts";
import { failedPrecondition } from "../errors.ts";
import { presentUser } from "../users/present.ts";
import type { MemberRow } from "./member.mapping.ts";

/** The value of the column `role` for an owner of an organization. */
export const OWNER = 3;

/** Makes the SQL subquery for an organization's owners who are present. Callers may append conditions on organization_member as `m`. */
export const owners = (organizationId: RawBuilder<unknown>) => sql`
  select from organization_member m join users u on u.id = m.user_id
  where m.organization_id = ${organizationId} and m.role = ${sql.lit(OWNER)} and ${presentUser("u")}`;

/**
 * Checks that an organization keeps a present owner when a member leaves or gets another role. The organization has to be locked already.
 * @throws FAILED_PRECONDITION LAST_OWNER.
 */
export const assertOwnerStays = async (tx: Tx, leaving: MemberRow): Promise<void> => {
  // To suspend, deactivate, delete or purge the last owner is allowed: ListOrganizations finds organizations without a present owner.
  if (leaving.role !== OWNER || leaving.user_id === null) return;
  const rows = await tx.rows(sql`${owners(sql`${leaving.organization_id}`)} and m.id <> ${leaving.id} limit 1`);
  if (rows.length === 0) throw failedPrecondition("LAST_OWNER", "The member is the last owner of the organization.");
};
