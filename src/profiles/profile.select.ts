import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import type { Schema } from "../schema/entities.ts";
import { presentUser } from "../users/present.ts";

/** No profile has this id, or there is none of this user in this account. */
export const profileNotFound = () => notFound("PROFILE_NOT_FOUND", "There is no such profile.");

/** A profile as every read returns it. */
export type ProfileRow = Selectable<Schema["user_profile"]>;

/** Every read of profiles is this query and a condition. */
export const selectProfiles = (db: Kysely<Schema>) => db.selectFrom("user_profile").selectAll("user_profile");

/**
 * The profile as the transaction has left it.
 * @throws NOT_FOUND PROFILE_NOT_FOUND.
 */
export const storedProfile = async (tx: Tx, id: bigint): Promise<ProfileRow> => {
  const row = await tx.row(selectProfiles(tx.sql).where("id", "=", id));
  if (!row) throw profileNotFound();
  return row;
};

/**
 * The admin of an account: the first staff user by id, else the first user; who is not present is passed over. Two looks at an
 * index, however many users the account has.
 */
export const selectAccountAdmin = async (session: Session, accountId: bigint): Promise<ProfileRow | undefined> => {
  const first = (which: RawBuilder<unknown>, rank: number) => sql`(
    select p.*, ${sql.lit(rank)} as rank from user_profile p join users u on u.id = p.user_id and ${presentUser("u")} and ${which}
    where p.account_id = ${accountId} order by p.user_id limit 1)`;
  return session.row(sql<ProfileRow>`
    select * from (${first(sql`u.is_staff`, 1)} union all ${first(sql`true`, 2)}) found order by rank limit 1`);
};
