import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { failedPrecondition } from "../errors.ts";

/** Checks that none of the users is held. Throws FAILED_PRECONDITION USER_HELD. */
export const requireNotHeld = async (session: Session, ids: readonly bigint[]): Promise<void> => {
  const held = await session.row(sql`select from user_hold where user_id = any(${ids.map(String)}::bigint[]) limit 1`);
  if (held !== undefined) throw failedPrecondition("USER_HELD", "The user is held: it can be neither purged nor merged.");
};
