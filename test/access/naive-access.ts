/** A user of a model world; accounts are numbered, 0 is the platform account. */
export type ModelUser = {
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isDeleted: boolean;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** The accounts that it has a profile in, each once. */
  readonly accounts: readonly number[];
};

/** A profile of the model, by the index of its user and the number of its account. */
export type ModelProfile = { readonly user: number; readonly account: number };

/**
 * Whether a user may read, or own, what belongs to a profile: the behaviours said once more, as plainly as possible, for
 * the tests alone. `seenFrom` = only as a member of this account.
 */
export const mayAccess = (
  users: readonly ModelUser[],
  policy: "owner_only" | "account_wide",
  relation: "read" | "own",
  asking: number,
  owner: ModelProfile,
  hasPlatform: boolean,
  seenFrom?: number,
): boolean => {
  const user = users[asking];
  if (!user?.isActive || user.isSuspended || user.isDeleted) return false;
  if (user.isSuperuser) return true;
  const ownerIsStaff = users[owner.user]?.isStaff ?? false;
  for (const account of user.accounts) {
    if (seenFrom !== undefined && account !== seenFrom) continue;
    if (owner.user === asking && owner.account === account) return true;
    if (user.isStaff && owner.account === account) return true;
    if (relation === "own") continue;
    if (owner.account === account && (ownerIsStaff || policy === "account_wide")) return true;
    if (hasPlatform && owner.account === 0 && (ownerIsStaff || policy === "account_wide")) return true;
  }
  return false;
};
