import { restOnNothing } from "../cache/certificate.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenBoth, whenReady } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { AccessCheck } from "../gen/userd/v1/access_pb.ts";
import { findResources, type ResourceRow } from "../resources/resource.select.ts";
import type { AccessUsers } from "./access.lookup.ts";
import type { Holder, Holders } from "./holders.ts";
import type { AccessUser, Owner } from "./policy.ts";

/** The target of a check of access: a profile that owns resources, or one resource. */
export type Target = AccessCheck["target"];

/**
 * A function that returns an owner for each target of a check, in the order of `targets`: the profile itself, or the owner of the resource;
 * undefined = there is no such profile or resource.
 */
export type Owners = (call: Call, targets: readonly Target[], reading: ReadConsistency) => MaybePromise<readonly (Owner | undefined)[]>;

const isHeldBy = (user: AccessUser | undefined, { owner: { profileId } }: Holder): boolean =>
  user?.profiles.some((profile) => profile.profileId === profileId) ?? false;

const ownerOfResource = (row: ResourceRow | undefined): Owner | undefined =>
  row && { profileId: row.owner_profile_id, accountId: row.account_id };

/**
 * Makes the function that finds an owner for each target of a check. One SQL statement reads all the resources, and another one the profiles
 * that are asked for the first time. Profiles are remembered; the cache of users tells whether a profile still exists.
 */
export const createOwners = (db: Database, holders: Holders, accessUsers: AccessUsers): Owners => {
  /** Returns the profiles that exist, as a map from id to profile. */
  const profiles = (call: Call, ids: readonly bigint[], reading: ReadConsistency): MaybePromise<ReadonlyMap<bigint, Owner>> => {
    return whenReady(holders.learn(call, ids), () => {
      const known = ids.flatMap((id) => holders.get(id) ?? []);
      const users = accessUsers.getAll(
        call,
        known.map(({ userId }) => userId),
        reading,
      );
      return whenReady(users, (cached) => {
        // Nothing tells when such a profile comes.
        if (known.length < ids.length) restOnNothing(reading.foundations);
        const there = known.filter((holder, index) => isHeldBy(cached[index], holder));
        return new Map(there.map(({ owner }) => [owner.profileId, owner]));
      });
    });
  };

  /** Answers for one remembered profile: the hot path, which a service asks thousands of times a second. */
  const remembered = (call: Call, holder: Holder, reading: ReadConsistency): MaybePromise<readonly (Owner | undefined)[]> => {
    holder.user ??= accessUsers.named(holder.userId);
    const user = accessUsers.cached(holder.user, reading) ?? accessUsers.get(call, holder.userId, reading);
    return whenReady(user, (one) => [isHeldBy(one, holder) ? holder.owner : undefined]);
  };

  return (call, targets, reading) => {
    const [only] = targets;
    const holder = targets.length === 1 && only?.case === "ownerProfileId" ? holders.get(only.value) : undefined;
    if (holder !== undefined) return remembered(call, holder, reading);
    const ids = targets.flatMap((target) => (target.case === "ownerProfileId" ? [target.value] : []));
    const refs = targets.flatMap((target) => (target.case === "resource" ? [target.value] : []));
    // Resources are not cached.
    if (refs.length > 0) restOnNothing(reading.foundations);
    const resources = refs.length === 0 ? [] : findResources(db.session(call), refs);
    return whenBoth(profiles(call, ids, reading), resources, (found, rows) => {
      const next = rows.values();
      return targets.map((target) => (target.case === "resource" ? ownerOfResource(next.next().value) : found.get(target.value ?? 0n)));
    });
  };
};
