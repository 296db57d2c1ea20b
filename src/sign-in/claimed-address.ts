import { failedPrecondition } from "../errors.ts";
import type { Claimant } from "./claimants.ts";

const deleted = () => failedPrecondition("USER_DELETED", "The user with this address is deleted; it can be undeleted until it is purged.");

/** Returns the claimant with the identity, or else the only claimant. */
const single = (claimants: readonly Claimant[]): Claimant | undefined =>
  claimants.find(({ hasIdentity }) => hasIdentity) ?? (claimants.length === 1 ? claimants[0] : undefined);

/** Returns the claimant who has verified the address; undefined = none has. Throws FAILED_PRECONDITION USER_DELETED. */
export const ownerAmong = (claimants: readonly Claimant[]): Claimant | undefined => {
  const owner = claimants.find(({ isVerified }) => isVerified);
  if (owner?.isDeleted) throw deleted();
  return owner;
};

/** Returns the present claimants who have the address as their primary one: only a primary address identifies its user. */
export const presentPrimaries = (claimants: readonly Claimant[]): readonly Claimant[] =>
  claimants.filter(({ isPrimary, isPresent }) => isPrimary && isPresent);

/**
 * Returns the claimant who is meant by an address that nobody vouches for: of those who have it as primary address, a present one, else a
 * suspended one; undefined = nobody yet.
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
 * Returns the present claimant who has a vouched address as primary one, and as whom nobody can sign in (`unreachable`): otherwise two people
 * would share the user. Of several such claimants it is the one with the call's identity; undefined = a user has to be created.
 */
export const meantByVouch = (claimants: readonly Claimant[], unreachable: ReadonlySet<bigint>): Claimant | undefined =>
  single(presentPrimaries(claimants).filter(({ id }) => unreachable.has(id)));
