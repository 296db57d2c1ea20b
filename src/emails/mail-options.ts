import { sql } from "kysely";
import type { Tx } from "../db/write.ts";
import { canonicalName } from "../names/canonical.ts";

/** The option that says where mail of a scope goes. */
const MAIL_EMAIL = "mail:email";

/** Addresses are compared by their canonical names, which SQL can't make; a user has few of these options. */
const optionsWith = async (tx: Tx, userId: bigint, email: string): Promise<bigint[]> => {
  const rows = await tx.rows(
    tx.sql.selectFrom("user_option").select(["id", "value"]).where("user_id", "=", userId).where("key", "=", MAIL_EMAIL),
  );
  return rows.filter(({ value }) => typeof value === "string" && canonicalName(value) === canonicalName(email)).map(({ id }) => id);
};

/** Replaces the address `from` by `to` in a user's `mail:email` options, each of which says where the mail of one scope goes. */
export const moveMailOptions = async (tx: Tx, userId: bigint, from: string, to: string): Promise<void> => {
  const ids = await optionsWith(tx, userId, from);
  await tx.rows(sql`
    update user_option set value = to_jsonb(${to}::text), update_time = statement_timestamp(), version = version + 1
    where id = any(${ids.map(String)}::bigint[])`);
};

/** Deletes a user's `mail:email` options that hold the address `email`. Addresses are compared in canonical form. */
export const removeMailOptions = async (tx: Tx, userId: bigint, email: string): Promise<void> => {
  const ids = await optionsWith(tx, userId, email);
  await tx.rows(sql`delete from user_option where id = any(${ids.map(String)}::bigint[])`);
};
