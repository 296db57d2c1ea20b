import { sql } from "kysely";
import { handleOf, lockHandles } from "../db/handles.ts";
import { insertRows } from "../db/insert-rows.ts";
import type { Tx } from "../db/transaction.ts";
import { alreadyExists, type DomainError } from "../errors.ts";
import { acceptInvitations } from "../organizations/invitations.ts";
import { constraintErrors } from "../schema/constraints.ts";
import { userSubject } from "../versions/subject.ts";
import { externalHandleOf } from "./external-id.ts";
import type { NewUser } from "./new-user.ts";

/** What became of a new user. */
export type Stored = { readonly id: bigint } | { readonly error: DomainError };

/** The names that are in use, as the rules across users see them. */
type Taken = {
  readonly usernames: Set<string>;
  readonly addresses: Set<string>;
  readonly verified: Set<string>;
  readonly externalIds: Set<string>;
};

const takenExternalIds = async (tx: Tx, externalIds: readonly string[]): Promise<Set<string>> => {
  if (externalIds.length === 0) return new Set();
  const rows = await tx.rows(sql<{ external_id: string }>`
    select external_id from users where external_id = any(${externalIds}::text[])`);
  return new Set(rows.map(({ external_id }) => external_id));
};

const takenNames = async (tx: Tx, handles: readonly string[], externalIds: readonly string[]): Promise<Taken> => {
  const rows = await tx.rows(sql<{ handle: string; username: boolean; address: boolean; verified: boolean }>`
    select handle,
      exists (select from users u where u.username_handle = handle) as username,
      exists (select from user_email e where e.email_handle = handle) as address,
      exists (select from user_email e where e.email_handle = handle and e.is_verified) as verified
    from unnest(${handles}::text[]) as wanted (handle)`);
  const which = (kind: "username" | "address" | "verified") => new Set(rows.filter((row) => row[kind]).map(({ handle }) => handle));
  return {
    usernames: which("username"),
    addresses: which("address"),
    verified: which("verified"),
    externalIds: await takenExternalIds(tx, externalIds),
  };
};

/** Why a user can't have its names; otherwise they are taken from here on. The rules, and their order, are those of claimNames and the constraints. */
const claim = (
  { usernames, addresses, verified, externalIds }: Taken,
  { handle, emails, columns, isVouchedFor }: NewUser,
): DomainError | undefined => {
  if (addresses.has(handle) && !isVouchedFor) return alreadyExists("USERNAME_TAKEN", "The username is another user's address.");
  if (emails.some((email) => usernames.has(email.handle))) return alreadyExists("EMAIL_TAKEN", "The address is another user's username.");
  if (usernames.has(handle)) return alreadyExists("USERNAME_TAKEN", "The username is taken.");
  if (emails.some((email) => email.isVerified && verified.has(email.handle))) {
    return alreadyExists("EMAIL_TAKEN", "The address is verified for another user.");
  }
  const externalId = columns.external_id;
  if (externalId !== null && externalIds.has(externalId)) return constraintErrors["users_external_id_key"]?.();
  if (externalId !== null) externalIds.add(externalId);
  usernames.add(handle);
  for (const email of emails) {
    addresses.add(email.handle);
    if (email.isVerified) verified.add(email.handle);
  }
  return undefined;
};

const newIds = async (tx: Tx, count: number): Promise<bigint[]> => {
  const rows = await tx.rows(sql<{ id: bigint }>`select nextval('users_id_seq') as id from generate_series(1, ${count}::int)`);
  return rows.map(({ id }) => id);
};

const insertUsers = async (tx: Tx, users: readonly (NewUser & { readonly id: bigint })[]): Promise<void> => {
  await insertRows(
    tx,
    "users",
    users.map(({ id, handle, columns }) => ({ id, ...columns, username_handle: handle, name_handle: handleOf(columns.name) })),
  );
  await insertRows(
    tx,
    "user_email",
    users.flatMap(({ id, emails }) =>
      emails.map(({ email, handle, isVerified, dateAdded }) => ({
        user_id: id,
        email,
        email_handle: handle,
        is_verified: isVerified,
        date_added: dateAdded,
      })),
    ),
  );
  await insertRows(
    tx,
    "user_activity",
    users
      .filter(({ lastLogin, lastActive }) => lastLogin ?? lastActive)
      .map(({ id, lastLogin, lastActive }) => ({ user_id: id, last_login: lastLogin ?? null, last_active: lastActive ?? null })),
  );
};

/**
 * Stores new users, each by itself: a name that is taken refuses its user and no other. The handles are locked first, so
 * what is seen to be free stays free, and the number of statements does not depend on how many users there are.
 */
export const storeUsers = async (tx: Tx, users: readonly NewUser[]): Promise<Stored[]> => {
  const handles = [...new Set(users.flatMap(({ handle, emails }) => [handle, ...emails.map((email) => email.handle)]))];
  const externalIds = users.flatMap(({ columns }) => columns.external_id ?? []);
  await lockHandles(tx, [...handles, ...externalIds.map(externalHandleOf)]);
  const taken = await takenNames(tx, handles, externalIds);
  const claims = users.map((user) => ({ user, error: claim(taken, user) }));
  const fresh = await newIds(tx, claims.filter(({ user, error }) => error === undefined && user.id === undefined).length);
  const stored = claims.map(({ user, error }) => ({ user, error, id: user.id ?? (error === undefined ? (fresh.shift() ?? 0n) : 0n) }));
  const accepted = stored.filter(({ error }) => error === undefined).map(({ user, id }) => ({ ...user, id }));
  await insertUsers(tx, accepted);
  await acceptInvitations(
    tx,
    accepted.flatMap(({ id, emails }) => emails.filter(({ isVerified }) => isVerified).map(({ handle }) => ({ userId: id, handle }))),
  );
  for (const { id } of accepted) tx.touch(userSubject(id));
  return stored.map(({ error, id }) => (error === undefined ? { id } : { error }));
};
