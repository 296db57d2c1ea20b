import { LRUCache } from "lru-cache";
import type { Holders } from "../access/holders.ts";
import type { OwnersOfResources } from "../access/owners.ts";
import type { Owner } from "../access/policy.ts";
import { restOnNothing } from "../cache/certificate.ts";
import { type Call, whenReady } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
import { findResources } from "./resource.select.ts";
import type { ResourceInAccount, ResourceOwners } from "./resource-owner.lookup.ts";

/** The most resources whose accounts are remembered. */
const MAX_PLACES = 100_000;

/**
 * Makes the function that returns the owners of resources, from the cache where it can. The owners are part of their account. The account of a key
 * is that of the owner that it names, for ever. The account of an id is remembered from the first time that it was asked for, and may have
 * changed since: what the account does not have, the database is asked for.
 */
export const createOwnersOfResources = (db: Database, holders: Holders, resourceOwners: ResourceOwners): OwnersOfResources => {
  // By size, since `max` takes the memory of all of them at once.
  const places = new LRUCache<bigint, bigint>({ maxSize: MAX_PLACES, sizeCalculation: () => 1 });

  const accountOf = ({ ref }: ResourceRef): bigint | undefined =>
    ref.case === "key" ? holders.get(ref.value.ownerProfileId)?.owner.accountId : places.get(ref.value ?? 0n);

  /** Reads the owners of resources by their ids, past the cache: nothing tells when they change. */
  const read = async (call: Call, refs: readonly ResourceRef[]): Promise<readonly (Owner | undefined)[]> => {
    const rows = await findResources(db.session(call), refs);
    return rows.map((row, index) => {
      const ref = refs[index]?.ref;
      if (row !== undefined) places.set(row.id, row.account_id);
      else if (ref?.case === "id") places.delete(ref.value);
      return row && { profileId: row.owner_profile_id, accountId: row.account_id };
    });
  };

  return (call, refs, reading) => {
    const named = refs.flatMap(({ ref }) => (ref.case === "key" ? [ref.value.ownerProfileId] : []));
    return whenReady(holders.learn(call, named), () => {
      const accounts = refs.map(accountOf);
      const placed = refs.flatMap(({ ref }, index): ResourceInAccount | [] => {
        const accountId = accounts[index];
        return accountId === undefined ? [] : { accountId, ref };
      });
      // Nothing tells when a profile that is not there, or a resource in no known account, comes.
      if (placed.length < refs.length) restOnNothing(reading.foundations);
      return whenReady(resourceOwners.getAll(call, placed, reading), (found) => {
        let next = 0;
        const owners = accounts.map((accountId) => (accountId === undefined ? undefined : found[next++]?.owner));
        // That an account does not have it says all about a key, whose owner is of that account, and nothing about an id.
        const open = refs.filter(({ ref }, index) => ref.case !== "key" && owners[index] === undefined);
        if (open.length === 0) return owners;
        restOnNothing(reading.foundations);
        return read(call, open).then((rest) => {
          let nextOpen = 0;
          return owners.map((owner, index) => (refs[index]?.ref.case !== "key" && owner === undefined ? rest[nextOpen++] : owner));
        });
      });
    });
  };
};
