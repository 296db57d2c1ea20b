import { restOnNothing } from "../cache/certificate.ts";
import type { CacheKey } from "../cache/core.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenBoth, whenReady } from "../call.ts";
import type { AccessCheck } from "../gen/userd/v1/access_pb.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
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

/** A function that returns the owners of resources, in the order of the references; undefined = there is no such resource. */
export type OwnersOfResources = (
  call: Call,
  refs: readonly ResourceRef[],
  reading: ReadConsistency,
) => MaybePromise<readonly (Owner | undefined)[]>;

const isHeldBy = (user: AccessUser | undefined, { owner: { profileId } }: Holder): boolean =>
  user?.profiles.some((profile) => profile.profileId === profileId) ?? false;

/**
 * Makes the function that finds an owner for each target of a check. One SQL statement reads the profiles that are asked for the first time.
 * Profiles are remembered; the cache of users tells whether a profile still exists.
 */
export const createOwners = (holders: Holders, accessUsers: AccessUsers, ownersOfResources: OwnersOfResources): Owners => {
  const keyOf = (holder: Holder): CacheKey<bigint> => {
    holder.user ??= accessUsers.named(holder.userId);
    return holder.user;
  };

  /** Returns the profiles that exist, as a map from id to profile. */
  const profiles = (call: Call, ids: ReadonlySet<bigint>, reading: ReadConsistency): MaybePromise<ReadonlyMap<bigint, Owner>> => {
    const distinct = [...ids];
    return whenReady(holders.learn(call, distinct), () => {
      const known = distinct.flatMap((id) => holders.get(id) ?? []);
      // Nothing tells when such a profile comes.
      if (known.length < distinct.length) restOnNothing(reading.foundations);
      const there = new Map<bigint, Owner>();
      const note = (holder: Holder, user: AccessUser | undefined): void => {
        if (isHeldBy(user, holder)) there.set(holder.owner.profileId, holder.owner);
      };
      const missing: Holder[] = [];
      for (const holder of known) {
        const user = accessUsers.cached(keyOf(holder), reading);
        if (user === undefined) missing.push(holder);
        else note(holder, user);
      }
      if (missing.length === 0) return there;
      const ofMissing = missing.map(({ userId }) => userId);
      return whenReady(accessUsers.getAll(call, ofMissing, reading), (users) => {
        for (const [index, holder] of missing.entries()) note(holder, users[index]);
        return there;
      });
    });
  };

  /** Answers for one remembered profile: the hot path, which a service asks thousands of times a second. */
  const remembered = (call: Call, holder: Holder, reading: ReadConsistency): MaybePromise<readonly (Owner | undefined)[]> => {
    const user = accessUsers.cached(keyOf(holder), reading) ?? accessUsers.get(call, holder.userId, reading);
    return whenReady(user, (one) => [isHeldBy(one, holder) ? holder.owner : undefined]);
  };

  return (call, targets, reading) => {
    const [only] = targets;
    const holder = targets.length === 1 && only?.case === "ownerProfileId" ? holders.get(only.value) : undefined;
    if (holder !== undefined) return remembered(call, holder, reading);
    const ids = new Set<bigint>();
    const refs: ResourceRef[] = [];
    for (const target of targets) {
      if (target.case === "ownerProfileId") ids.add(target.value);
      else if (target.case === "resource") refs.push(target.value);
    }
    const ofResources = refs.length === 0 ? [] : ownersOfResources(call, refs, reading);
    if (ids.size === 0) return ofResources;
    return whenBoth(profiles(call, ids, reading), ofResources, (found, owners) => {
      let next = 0;
      return targets.map((target) => (target.case === "resource" ? owners[next++] : found.get(target.value ?? 0n)));
    });
  };
};
