import { type SqlBool, sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { assertCaller } from "../users/privileges.ts";
import { selectUsers } from "../users/user.select.ts";
import { selectAccounts } from "./accounts.ts";
import { type ProfileMessage, type ProfileRow, toProfile } from "./profile.select.ts";

/** The part of a request that says whether each profile in the answer comes with its user and with its account. */
export type Expansion = { readonly withUser: boolean; readonly withAccount: boolean };

/** Checks that a caller who asks for the users of profiles may read users. Throws PERMISSION_DENIED PERMISSION_REQUIRED. */
export const assertExpansion = (call: Call, { withUser }: Expansion): void => {
  if (withUser) assertCaller(call, "users.read");
};

const among = (ids: Iterable<bigint>) => sql<SqlBool>`id = any(${[...new Set(ids)].map(String)}::bigint[])`;

/** Makes the messages of profiles, in the order of the rows. If the request asks for users or accounts, one statement each reads them. */
export const expanded = async (db: Database, call: Call, rows: readonly ProfileRow[], expansion: Expansion): Promise<ProfileMessage[]> => {
  const usersOf = () => db.session(call).rows(selectUsers(db.sql, { full: false }).where(among(rows.map(({ user_id }) => user_id))));
  const accountsOf = () => db.session(call).rows(selectAccounts(db.sql).where(among(rows.map(({ account_id }) => account_id))));
  const [users, accounts] = await Promise.all([expansion.withUser ? usersOf() : [], expansion.withAccount ? accountsOf() : []]);
  const [userById, accountById] = [new Map(users.map((row) => [row.id, row])), new Map(accounts.map((row) => [row.id, row]))];
  return rows.map((row) => toProfile(row, userById.get(row.user_id), accountById.get(row.account_id)));
};

/** Makes an answer with the message of one profile, including the profile's user and account if the request asks for them. */
export const expandedOne = async (
  db: Database,
  call: Call,
  row: ProfileRow,
  expansion: Expansion,
): Promise<{ profile?: ProfileMessage }> => {
  const [profile] = await expanded(db, call, [row], expansion);
  return { ...(profile && { profile }) };
};
