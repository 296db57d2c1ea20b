import { type Selectable, sql } from "kysely";
import { RESET_HOURS } from "../credentials/passwords.ts";
import type { Session } from "../db/session.ts";
import { VERIFICATION_HOURS } from "../emails/email-verification.ts";
import type { IdentityKey } from "../gen/userd/v1/identity_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import type { Schema } from "../schema/entities.ts";
import { isPresent } from "../users/present.ts";

/**
 * A user who has the address that a call asks about, verified or not. Several users can have an address; at most one of them has verified it.
 */
export type Claimant = {
  readonly id: bigint;
  /** Tells whether the user has verified the address; of all claimants at most one has. */
  readonly isVerified: boolean;
  /** Tells whether the address is the user's primary one, and not merely one of several. */
  readonly isPrimary: boolean;
  readonly isPresent: boolean;
  readonly isSuspended: boolean;
  readonly isDeleted: boolean;
  /** Tells whether the user has the identity that was asked for. */
  readonly hasIdentity: boolean;
};

type Row = Pick<Selectable<Schema["users"]>, "id" | "email" | "is_active" | "is_suspended" | "delete_time"> & {
  readonly is_verified: boolean;
  readonly has_identity: boolean;
};

const holdsIdentity = (identity: IdentityKey | undefined) => sql<boolean>`(
  i.provider_id = ${identity?.providerId ?? null}::bigint and i.external_id = ${identity?.externalId ?? null}::text)`;

/** Finds the users who have an address, verified or not, ordered by id. `hasIdentity` tells of each user whether the user has `identity`. */
export const claimantsOf = async (session: Session, email: string, identity?: IdentityKey): Promise<readonly Claimant[]> => {
  const canonical = canonicalName(email);
  const rows = await session.rows(sql<Row>`
    select u.id, u.email, u.is_active, u.is_suspended, u.delete_time, e.is_verified,
      exists (select from identity i where i.user_id = u.id and ${holdsIdentity(identity)}) as has_identity
    from user_email e join users u on u.id = e.user_id where e.email_canonical = ${canonical} order by u.id`);
  return rows.map((row) => ({
    id: row.id,
    isVerified: row.is_verified,
    // Its spelling may be another one where it was imported.
    isPrimary: canonicalName(row.email) === canonical,
    isPresent: isPresent(row),
    isSuspended: row.is_suspended && row.is_active,
    isDeleted: row.delete_time !== null,
    hasIdentity: row.has_identity,
  }));
};

/**
 * Returns those of the given users as whom nobody can sign in: they have no usable password, no verified address, no valid token to verify an
 * address or reset the password, and no identity except `identity`. A user with an authenticator is left out, unless the user has `identity`.
 */
export const unreachableUsers = async (session: Session, ids: readonly bigint[], identity?: IdentityKey): Promise<ReadonlySet<bigint>> => {
  if (ids.length === 0) return new Set();
  const given = holdsIdentity(identity);
  const rows = await session.rows(sql<{ id: bigint }>`
    select u.id from users u where u.id = any(${ids.map(String)}::bigint[])
      and (u.password = '' or u.password like '!%')
      and not exists (select from identity i where i.user_id = u.id and ${given} is not true)
      and not exists (select from auth_identity a where a.user_id = u.id)
      and not exists (select from user_email e where e.user_id = u.id and (e.is_verified
        or (e.verification_hash is not null and e.verification_hash_time >= now() - make_interval(hours => ${VERIFICATION_HOURS}))))
      and not exists (select from password_reset r where r.user_id = u.id and r.create_time > now() - make_interval(hours => ${RESET_HOURS}))
      and (exists (select from identity i where i.user_id = u.id and ${given})
        or not exists (select from authenticator t where t.user_id = u.id))`);
  return new Set(rows.map(({ id }) => id));
};
