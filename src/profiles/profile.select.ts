import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/write.ts";
import { notFound } from "../errors.ts";
import type { UserProfileSchema } from "../gen/userd/v1/user_profile_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { presentUser } from "../users/present.ts";
import { etagOf } from "../versions/etag.ts";
import { toMetadata } from "./metadata.ts";

/** Makes the error for an id that no profile has, or for a user who has no profile in an account. */
export const profileNotFound = () => notFound("PROFILE_NOT_FOUND", "There is no such profile.");

/** A row of the table of profiles. */
export type ProfileRow = Selectable<Schema["user_profile"]>;

/** Makes the query for all profiles, to which each read adds its condition. */
export const selectProfiles = (db: Kysely<Schema>) => db.selectFrom("user_profile").selectAll("user_profile");

/** Reads the row of a profile in a transaction, with the transaction's own changes. Throws NOT_FOUND PROFILE_NOT_FOUND. */
export const storedProfile = async (tx: Tx, id: bigint): Promise<ProfileRow> => {
  const row = await tx.row(selectProfiles(tx.sql).where("id", "=", id));
  if (!row) throw profileNotFound();
  return row;
};

/** Reads the profile of an account's admin: the present user with `is_staff` and the lowest id, or else the present user with the lowest id. */
export const selectAccountAdmin = async (session: Session, accountId: bigint): Promise<ProfileRow | undefined> => {
  const first = (which: RawBuilder<unknown>, rank: number) => sql`(
    select p.*, ${sql.lit(rank)} as rank from user_profile p join users u on u.id = p.user_id and ${presentUser("u")} and ${which}
    where p.account_id = ${accountId} order by p.user_id limit 1)`;
  return session.row(sql<ProfileRow>`
    select * from (${first(sql`u.is_staff`, 1)} union all ${first(sql`true`, 2)}) found order by rank limit 1`);
};

/** The API's message of a profile, as an object literal. */
export type ProfileMessage = MessageInitShape<typeof UserProfileSchema>;

/** Makes the API's message of a profile, with the messages of the profile's user and account if they are given. */
export const toProfile = (row: ProfileRow, user?: ProfileMessage["user"], account?: ProfileMessage["account"]): ProfileMessage => ({
  id: row.id,
  userId: row.user_id,
  accountId: row.account_id,
  ...toMetadata(row),
  profileImageUrl: row.profile_image_url,
  isTest: row.is_test,
  etag: etagOf(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
  ...(user && { user }),
  ...(account && { account }),
});
