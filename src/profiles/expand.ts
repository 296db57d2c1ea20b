import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenBoth, whenReady } from "../call.ts";
import { assertCaller } from "../users/privileges.ts";
import type { ExpansionSources } from "./dependencies.ts";
import { type ProfileMessage, type ProfileRow, toProfile } from "./profile.select.ts";

/** The part of a request that says whether each profile in the answer comes with its user and with its account. */
export type Expansion = { readonly withUser: boolean; readonly withAccount: boolean };

/** Checks that a caller who asks for the users of profiles may read users. Throws PERMISSION_DENIED PERMISSION_REQUIRED. */
export const assertExpansion = (call: Call, { withUser }: Expansion): void => {
  if (withUser) assertCaller(call, "users.read");
};

/** Makes the messages of profiles, in the order of the rows. The users and accounts that the request asks for come from the cache. */
export const expanded = (
  { basicUsers, accounts }: ExpansionSources,
  call: Call,
  rows: readonly ProfileRow[],
  { withUser, withAccount }: Expansion,
  reading: ReadConsistency,
): MaybePromise<ProfileMessage[]> => {
  const userIds = withUser ? [...new Set(rows.map(({ user_id }) => user_id))] : [];
  const accountIds = withAccount ? [...new Set(rows.map(({ account_id }) => account_id))] : [];
  return whenBoth(basicUsers.getAll(call, userIds, reading), accounts.getAll(call, accountIds, reading), (users, found) => {
    const userById = new Map(userIds.map((id, index) => [id, users[index]?.user?.basic]));
    const accountById = new Map(accountIds.map((id, index) => [id, found[index]?.account?.response.account]));
    return rows.map((row) => toProfile(row, userById.get(row.user_id), accountById.get(row.account_id)));
  });
};

/** Makes an answer with the message of one profile, including the profile's user and account if the request asks for them. */
export const expandedOne = (
  sources: ExpansionSources,
  call: Call,
  row: ProfileRow,
  expansion: Expansion,
  reading: ReadConsistency,
): MaybePromise<{ profile?: ProfileMessage }> =>
  whenReady(expanded(sources, call, [row], expansion, reading), ([profile]) => ({ ...(profile && { profile }) }));
