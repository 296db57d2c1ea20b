import { sql } from "kysely";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import { insertRows } from "../db/insert-rows.ts";
import type { Tx } from "../db/write.ts";
import { alreadyExists, type DomainError } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";
import { acceptInvitations } from "../organizations/invitations.ts";
import { constraintErrors } from "../schema/constraints.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { externalCanonicalName } from "./external-id.ts";
import type { NewUser } from "./new-user.ts";

/** The result of storing one new user: its id, or the error for which it was refused. */
export type Stored = { readonly id: bigint } | { readonly error: DomainError };

/** The names that are in use, in canonical form. */
type Taken = {
  readonly usernames: Set<string>;
  readonly addresses: Set<string>;
  readonly verified: Set<string>;
  readonly externalIds: Set<string>;
};

/** Returns those of the names that are in use, and the ids of as many new users as `users` says, in one statement. */
const takenNames = async (
  tx: Tx,
  canonicalNames: readonly string[],
  externalIds: readonly string[],
  users: number,
): Promise<{ readonly taken: Taken; readonly ids: bigint[] }> => {
  const rows = await tx.rows(sql<{
    name: string;
    username: boolean;
    address: boolean;
    verified: boolean;
    external: boolean;
    id: bigint | null;
  }>`
    select canonical as name, exists (select from users u where u.username_canonical = canonical) as username,
      exists (select from user_email e where e.email_canonical = canonical) as address,
      exists (select from user_email e where e.email_canonical = canonical and e.is_verified) as verified,
      false as external, null::bigint as id
    from unnest(${canonicalNames}::text[]) as wanted (canonical)
    union all
    select external_id, false, false, false, true, null from users where external_id = any(${externalIds}::text[])
    union all
    select '', false, false, false, false, nextval('users_id_seq') from generate_series(1, ${users}::int)`);
  const which = (kind: "username" | "address" | "verified" | "external") =>
    new Set(rows.filter((row) => row[kind]).map(({ name }) => name));
  return {
    taken: { usernames: which("username"), addresses: which("address"), verified: which("verified"), externalIds: which("external") },
    ids: rows.flatMap(({ id }) => id ?? []),
  };
};

/** Returns the error of a user who can't have its names, or else adds them to the taken ones. Rules and order are claimNames' and SQL's. */
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
 * Locks the canonical names of new users, and stores the users by a fixed number of statements. Returns one result per user, in the order given:
 * an error for a user whose name is taken.
 */
export const storeUsers = async (tx: Tx, users: readonly NewUser[]): Promise<Stored[]> => {
  const canonicalNames = [...new Set(users.flatMap(({ canonical, emails }) => [canonical, ...emails.map((email) => email.canonical)]))];
  const externalIds = users.flatMap(({ columns }) => columns.external_id ?? []);
  await lockCanonicalNames(tx, [...canonicalNames, ...externalIds.map(externalCanonicalName)]);
  const { taken, ids } = await takenNames(tx, canonicalNames, externalIds, users.filter(({ id }) => id === undefined).length);
  const stored = users.map((user) => ({ user, error: claim(taken, user), id: user.id ?? ids.shift() ?? 0n }));
  const accepted = stored.filter(({ error }) => error === undefined).map(({ user, id }) => ({ ...user, id }));
  await insertUsers(tx, accepted);
  await acceptInvitations(
    tx,
    accepted.flatMap(({ id, emails }) => emails.filter(({ isVerified }) => isVerified).map(({ canonical }) => ({ userId: id, canonical }))),
  );
  for (const { id } of accepted) tx.touch(userAggregate(id));
  return stored.map(({ error, id }) => (error === undefined ? { id } : { error }));
};

/** Stores one new user, and returns its id. Throws ALREADY_EXISTS when one of its names is taken. */
export const storeUser = async (tx: Tx, user: NewUser): Promise<bigint> => {
  const [stored] = await storeUsers(tx, [user]);
  if (stored === undefined || "error" in stored) throw stored?.error;
  return stored.id;
};
