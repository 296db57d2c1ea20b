import { failedPrecondition } from "../errors.ts";
import type { Claimant } from "./claimants.ts";

const deleted = () => failedPrecondition("USER_DELETED", "The user with this address is deleted; it can be undeleted until it is purged.");

/** Returns the claimant with the identity, or else the only claimant. */
const single = (claimants: readonly Claimant[]): Claimant | undefined =>
  claimants.find(({ hasIdentity }) => hasIdentity) ?? (claimants.length === 1 ? claimants[0] : undefined);

/** Returns the claimant who has verified the address; undefined = nobody. Throws FAILED_PRECONDITION USER_DELETED if that user is deleted. */
export const ownerAmong = (claimants: readonly Claimant[]): Claimant | undefined => {
  const owner = claimants.find(({ isVerified }) => isVerified);
  if (owner?.isDeleted) throw deleted();
  return owner;
};

/** Returns the claimants who are present, and whose primary address is the address that the call asks about. */
export const presentPrimaries = (claimants: readonly Claimant[]): readonly Claimant[] =>
  claimants.filter(({ isPrimary, isPresent }) => isPrimary && isPresent);

/**
 * Returns the user who is meant by an address that nobody vouches for: the present user with this primary address, else the suspended one. Of
 * several such users it is the one with the call's identity; undefined = no user fits.
 * @throws FAILED_PRECONDITION AMBIGUOUS_EMAIL when several users fit, and none has the call's identity; FAILED_PRECONDITION USER_DELETED when
 * only a deleted user fits.
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
 * Returns the user who is meant by a vouched address: the present user with this primary address, provided that nobody can sign in as that
 * user (`unreachable`), since otherwise two people would share the user. Of several such users it is the one with the call's identity;
 * undefined = no user fits.
 */
export const meantByVouch = (claimants: readonly Claimant[], unreachable: ReadonlySet<bigint>): Claimant | undefined =>
  single(presentPrimaries(claimants).filter(({ id }) => unreachable.has(id)));
