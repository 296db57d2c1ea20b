import type { MessageInitShape } from "@bufbuild/protobuf";
import { restOnNothing } from "../cache/certificate.ts";
import { type MaybePromise, type Operation, whenBoth, whenReady } from "../call.ts";
import { UserView } from "../gen/userd/v1/user_pb.ts";
import { type LookupResultSchema, LookupStatus, type UserKey, type UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import type { NameHolders, NameKey } from "./canonical-name.lookup.ts";
import type { UserDependencies } from "./dependencies.ts";
import { externalCanonicalName } from "./external-id.ts";
import { rolesOf } from "./full-user.ts";
import type { BasicUser, CachedUser } from "./user.lookup.ts";
import { usersOfIdentities } from "./users-of-identities.ts";

/** A user that is read for either view. */
type Found = BasicUser | CachedUser;

/** The users that a canonical name has for one key. */
const idsOf = ({ key }: UserKey, { ids, verifiedIds }: NameHolders, onlyVerified: boolean): readonly bigint[] =>
  key.case === "email" && onlyVerified ? verifiedIds : ids;

const isThere = (user: Found | undefined): user is Found => user !== undefined;

/** The ids of the users that have what was these users' since a merge, each once. */
const heirsOfMerged = (found: readonly (Found | undefined)[]): readonly bigint[] => {
  const ids = new Set<bigint>();
  for (const user of found) if (user?.row.merged_into_user_id != null) ids.add(user.row.merged_into_user_id);
  return [...ids];
};

/** Returns the users that have what was others' since a merge, in place of these, each once. */
const heirsOf = (found: readonly Found[], heirs: ReadonlyMap<bigint, Found>): readonly Found[] => {
  if (heirs.size === 0) return found;
  const meant = found.map((user) => heirs.get(user.row.merged_into_user_id ?? 0n) ?? user);
  return [...new Map(meant.map((user) => [user.row.id, user])).values()];
};

/**
 * Returns the result of a key. By name, users who are not deleted go before deleted ones; by id a deleted user is found like any other, but not one
 * that was merged.
 */
const resultOf = (
  { key }: UserKey,
  found: readonly Found[],
  toUser: (user: Found) => MessageInitShape<typeof LookupResultSchema>["user"],
): MessageInitShape<typeof LookupResultSchema> => {
  const mergedInto = key.case === "id" ? (found[0]?.row.merged_into_user_id ?? null) : null;
  if (mergedInto !== null) return { status: LookupStatus.MERGED, userIds: [mergedInto] };
  const live = key.case === "id" ? found : found.filter(({ row }) => row.delete_time === null);
  const [user, ...others] = live;
  if (user !== undefined && others.length === 0) return { status: LookupStatus.FOUND, user: toUser(user) };
  if (user !== undefined) return { status: LookupStatus.AMBIGUOUS, userIds: live.map(({ row }) => row.id) };
  if (found.length > 0) return { status: LookupStatus.DELETED, userIds: found.map(({ row }) => row.id) };
  return { status: LookupStatus.NOT_FOUND };
};

/**
 * LookupUsers: finds the user of each key through the cache, and returns the results in the order of the keys. Identities are always read
 * from the database.
 */
export const lookupUsers =
  ({
    db,
    users,
    basicUsers,
    canonicalNames,
    roleDefinitions,
    freshness,
  }: Pick<UserDependencies, "db" | "users" | "basicUsers" | "canonicalNames" | "roleDefinitions" | "freshness">): Operation<
    typeof UserService.method.lookupUsers
  > =>
  (call, request) => {
    const { keys, onlyVerifiedEmail, view, consistency, certify } = request;
    const reading = freshness.reading(consistency, certify);
    const isFull = view === UserView.FULL;

    const readUsers = (ids: readonly bigint[]): MaybePromise<readonly (Found | undefined)[]> => {
      if (ids.length === 0) return [];
      const read: MaybePromise<readonly { readonly user: Found | undefined }[]> = isFull
        ? users.getAll(call, ids, reading)
        : basicUsers.getAll(call, ids, reading);
      return whenReady(read, (found) => found.map(({ user }) => user));
    };

    const named = keys.flatMap(({ key }): NameKey | [] => {
      if (key.case === "username" || key.case === "email") return { canonical: canonicalName(key.value), by: key.case, isFull };
      return key.case === "externalId" ? { canonical: externalCanonicalName(key.value), by: key.case, externalId: key.value, isFull } : [];
    });
    const identities = keys.flatMap(({ key }) => (key.case === "identity" ? [key.value] : []));
    if (identities.length > 0) restOnNothing(reading.foundations);
    const owners = identities.length === 0 ? [] : usersOfIdentities(db, call, identities);

    const idsByKey = whenBoth(canonicalNames.getAll(call, named, reading), owners, (holders, ofIdentities) => {
      let [nextHolder, nextOwner] = [0, 0];
      return keys.map((key): readonly bigint[] => {
        if (key.key.case === "id") return [key.key.value];
        if (key.key.case === "identity") return ofIdentities[nextOwner++] ?? [];
        return idsOf(key, holders[nextHolder++] as NameHolders, onlyVerifiedEmail);
      });
    });

    return whenReady(idsByKey, (idsOfKeys) =>
      whenReady(readUsers(idsOfKeys.flat()), (found) =>
        whenReady(readUsers(heirsOfMerged(found)), (foundHeirs) => {
          const fullUsers = isFull ? ([...found, ...foundHeirs] as (CachedUser | undefined)[]) : [];
          return whenReady(rolesOf(roleDefinitions, call, fullUsers, reading), (roles) => {
            const heirs = new Map(foundHeirs.filter(isThere).map((user) => [user.row.id, user]));
            const toUser = (user: Found) => ("full" in user ? user.full(roles) : user.basic);
            let next = 0;
            const results = keys.map((key, index) => {
              const from = next;
              next += idsOfKeys[index]?.length ?? 0;
              const ofKey = found.slice(from, next).filter(isThere);
              return resultOf(key, key.key.case === "id" ? ofKey : heirsOf(ofKey, heirs), toUser);
            });
            return { results, ...freshness.certificateOf(reading) };
          });
        }),
      ),
    );
  };
