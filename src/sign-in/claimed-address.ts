import { failedPrecondition } from "../errors.ts";
import type { Claimant } from "./claimants.ts";

const deleted = () => failedPrecondition("USER_DELETED", "The user with this address is deleted; it can be undeleted until it is purged.");

/** The claimant with the identity, or else the only claimant. */
const single = (claimants: readonly Claimant[]): Claimant | undefined =>
  claimants.find(({ hasIdentity }) => hasIdentity) ?? (claimants.length === 1 ? claimants[0] : undefined);

/**
 * The user who has verified the address, whoever else claims it; undefined = nobody.
 * @throws FAILED_PRECONDITION USER_DELETED.
 */
export const ownerAmong = (claimants: readonly Claimant[]): Claimant | undefined => {
  const owner = claimants.find(({ isVerified }) => isVerified);
  if (owner?.isDeleted) throw deleted();
  return owner;
};

/**
 * The claimants who are present and whose primary address it is. An address that a user only lists among others does not
 * identify the user.
 */
export const presentPrimaries = (claimants: readonly Claimant[]): readonly Claimant[] =>
  claimants.filter(({ isPrimary, isPresent }) => isPrimary && isPresent);

/**
 * Finds the user whom an address means that nobody vouches for; undefined = a new user has to be created. A suspended user is
 * meant if no present one is, so that no second user is created for it.
 * @throws FAILED_PRECONDITION AMBIGUOUS_EMAIL or USER_DELETED.
 */
export const meantByClaim = (claimants: readonly Claimant[]): Claimant | undefined => {
  const primaries = claimants.filter(({ isPrimary }) => isPrimary);
  const present = presentPrimaries(claimants);
  const candidates = present.length > 0 ? present : primaries.filter(({ isSuspended, isDeleted }) => isSuspended && !isDeleted);
  const user = single(candidates);
  if (user === undefined && candidates.length > 0) {
    throw failedPrecondition("AMBIGUOUS_EMAIL", "Several active users share the address.");
  }
  if (user === undefined && primaries.some(({ isDeleted }) => isDeleted)) throw deleted();
  return user;
};

/**
 * Finds the user whom a vouched address means; undefined = a new user has to be created. It has to be the only present one as
 * whom nobody can sign in (`unreachable`). Somebody else may have made a user with the address in advance, to share it with the
 * owner of the address; such a user is not meant, and does not keep the owner out.
 */
export const meantByVouch = (claimants: readonly Claimant[], unreachable: ReadonlySet<bigint>): Claimant | undefined =>
  single(presentPrimaries(claimants).filter(({ id }) => unreachable.has(id)));
