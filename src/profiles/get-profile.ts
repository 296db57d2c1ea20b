import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, type Operation, whenReady } from "../call.ts";
import { failedPrecondition } from "../errors.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { GetProfileRequest } from "../gen/userd/v1/user_profile_pb.ts";
import type { ProfileDependencies } from "./dependencies.ts";
import { assertExpansion, expandedOne } from "./expand.ts";
import type { CachedProfile } from "./profile.lookup.ts";
import { profileNotFound } from "./profile.select.ts";

type Lookups = Pick<ProfileDependencies, "holders" | "profiles" | "profilesByName">;

/** The profile with an id: whose it is never changes, and the cache of that user knows whether it is still there. */
const byId = (
  { holders, profiles }: Lookups,
  call: Call,
  id: bigint,
  reading: ReadConsistency,
): MaybePromise<CachedProfile | undefined> => {
  const find = (): MaybePromise<CachedProfile | undefined> => {
    const holder = holders.get(id);
    if (holder === undefined) return undefined;
    const { userId, owner } = holder;
    return whenReady(profiles.get(call, { userId, accountId: owner.accountId }, reading), ({ profile }) =>
      profile?.row.id === id ? profile : undefined,
    );
  };
  return holders.get(id) === undefined ? whenReady(holders.learn(call, [id]), find) : find();
};

const byName = (
  { profilesByName }: Lookups,
  call: Call,
  key: { readonly accountId: bigint; readonly name: string },
  reading: ReadConsistency,
): MaybePromise<CachedProfile | undefined> =>
  whenReady(profilesByName.get(call, key, reading), ({ profiles: [profile, another] }) => {
    if (another === undefined) return profile;
    throw failedPrecondition("AMBIGUOUS_PROFILE_NAME", "Several profiles of the account have this name: ask by id.");
  });

const find = (
  lookups: Lookups,
  call: Call,
  key: GetProfileRequest["key"],
  reading: ReadConsistency,
): MaybePromise<CachedProfile | undefined> => {
  if (key.case === "name") return byName(lookups, call, key.value, reading);
  if (key.case === "pair") return whenReady(lookups.profiles.get(call, key.value, reading), ({ profile }) => profile);
  return byId(lookups, call, key.value ?? 0n, reading);
};

/** GetProfile: reads a profile from the cache by its id, by its user and account, or by its name within an account. */
export const getProfile =
  (app: Pick<ProfileDependencies, "freshness" | "basicUsers" | "accounts"> & Lookups): Operation<typeof ProfileService.method.getProfile> =>
  (call, request) => {
    assertExpansion(call, request);
    const reading = app.freshness.reading(request.consistency);
    return whenReady(find(app, call, request.key, reading), (profile) => {
      if (profile === undefined) throw profileNotFound();
      const { row, response } = profile;
      return request.withUser || request.withAccount ? expandedOne(app, call, row, request, reading) : response;
    });
  };
