import { sql } from "kysely";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import { insertRows } from "../db/insert-rows.ts";
import type { Tx } from "../db/transaction.ts";
import { alreadyExists, type DomainError } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";
import { acceptInvitations } from "../organizations/invitations.ts";
import { constraintErrors } from "../schema/constraints.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { externalCanonicalName } from "./external-id.ts";
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

const takenNames = async (tx: Tx, canonicalNames: readonly string[], externalIds: readonly string[]): Promise<Taken> => {
  const rows = await tx.rows(sql<{ canonical: string; username: boolean; address: boolean; verified: boolean }>`
    select canonical,
      exists (select from users u where u.username_canonical = canonical) as username,
      exists (select from user_email e where e.email_canonical = canonical) as address,
      exists (select from user_email e where e.email_canonical = canonical and e.is_verified) as verified
    from unnest(${canonicalNames}::text[]) as wanted (canonical)`);
  const which = (kind: "username" | "address" | "verified") => new Set(rows.filter((row) => row[kind]).map(({ canonical }) => canonical));
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
  { canonical, emails, columns, isVouchedFor }: NewUser,
): DomainError | undefined => {
  if (addresses.has(canonical) && !isVouchedFor) return alreadyExists("USERNAME_TAKEN", "The username is another user's address.");
  if (emails.some((email) => usernames.has(email.canonical)))
    return alreadyExists("EMAIL_TAKEN", "The address is another user's username.");
  if (usernames.has(canonical)) return alreadyExists("USERNAME_TAKEN", "The username is taken.");
  if (emails.some((email) => email.isVerified && verified.has(email.canonical))) {
    return alreadyExists("EMAIL_TAKEN", "The address is verified for another user.");
  }
  const externalId = columns.external_id;
  if (externalId !== null && externalIds.has(externalId)) return constraintErrors["users_external_id_key"]?.();
  if (externalId !== null) externalIds.add(externalId);
  usernames.add(canonical);
  for (const email of emails) {
    addresses.add(email.canonical);
    if (email.isVerified) verified.add(email.canonical);
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
    users.map(({ id, canonical, columns }) => ({
      id,
      ...columns,
      username_canonical: canonical,
      name_canonical: canonicalName(columns.name),
    })),
  );
  await insertRows(
    tx,
    "user_email",
    users.flatMap(({ id, emails }) =>
      emails.map(({ email, canonical, isVerified, dateAdded }) => ({
        user_id: id,
        email,
        email_canonical: canonical,
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
 * Stores new users, each by itself: a name that is taken refuses its user and no other. The canonical names are locked first, so
 * what is seen to be free stays free, and the number of statements does not depend on how many users there are.
 */
export const storeUsers = async (tx: Tx, users: readonly NewUser[]): Promise<Stored[]> => {
  const canonicalNames = [...new Set(users.flatMap(({ canonical, emails }) => [canonical, ...emails.map((email) => email.canonical)]))];
  const externalIds = users.flatMap(({ columns }) => columns.external_id ?? []);
  await lockCanonicalNames(tx, [...canonicalNames, ...externalIds.map(externalCanonicalName)]);
  const taken = await takenNames(tx, canonicalNames, externalIds);
  const claims = users.map((user) => ({ user, error: claim(taken, user) }));
  const fresh = await newIds(tx, claims.filter(({ user, error }) => error === undefined && user.id === undefined).length);
  const stored = claims.map(({ user, error }) => ({ user, error, id: user.id ?? (error === undefined ? (fresh.shift() ?? 0n) : 0n) }));
  const accepted = stored.filter(({ error }) => error === undefined).map(({ user, id }) => ({ ...user, id }));
  await insertUsers(tx, accepted);
  await acceptInvitations(
    tx,
    accepted.flatMap(({ id, emails }) => emails.filter(({ isVerified }) => isVerified).map(({ canonical }) => ({ userId: id, canonical }))),
  );
  for (const { id } of accepted) tx.touch(userAggregate(id));
  return stored.map(({ error, id }) => (error === undefined ? { id } : { error }));
};
