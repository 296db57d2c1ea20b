import { memberAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { insertRows } from "../db/insert-rows.ts";
import type { LookUpLocks, Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { UserProfile } from "../gen/userd/v1/user_profile_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { addUsersToContacts } from "./contacts.ts";
import { everyField, type Metadata, metadataOf, metadataRow } from "./metadata.ts";
import { toProfile } from "./profile.mapping.ts";
import { type ProfileRow, selectProfiles } from "./profile.select.ts";

const method = ProfileService.method.createProfile;

/** What a new profile consists of; all but the first two have defaults. */
export type NewProfile = {
  readonly user_id: bigint;
  readonly account_id: bigint;
  readonly profile_image_url?: string;
  readonly is_test?: boolean;
} & Partial<ReturnType<typeof metadataRow>>;

/**
 * What CreateProfile makes of a message.
 * @param prefix where the message stands in the request, for violations.
 * @throws INVALID_ARGUMENT FIELD_INVALID, or one of the reasons of option values.
 */
export const newProfileOf = (profile: UserProfile, prefix: string): Required<NewProfile> => {
  const { userId, accountId } = profile;
  if (userId === 0n) throw invalidField(`${prefix}user_id`, "is required");
  if (accountId === 0n) throw invalidField(`${prefix}account_id`, "is required");
  return {
    ...metadataRow(metadataOf(profile, everyField, prefix) as Metadata),
    user_id: userId,
    account_id: accountId,
    profile_image_url: profile.profileImageUrl ?? "",
    is_test: profile.isTest ?? false,
  };
};

/**
 * Stores a profile and makes its user a contact; user and account are locked already. That the account exists, and the
 * profile does not yet, are constraints.
 */
export const storeProfile = async (tx: Tx, profile: NewProfile): Promise<ProfileRow> => {
  const user = await writableUser(tx, profile.user_id);
  await insertRows(tx, "user_profile", [profile]);
  await addUsersToContacts(tx, [{ accountId: profile.account_id, user }]);
  return tx.one(selectProfiles(tx.sql).where("user_id", "=", profile.user_id).where("account_id", "=", profile.account_id));
};

/** CreateProfile: the profile, and its user among the contacts of the account. */
export const createProfile =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { profile, requestId } = request;
    if (profile === undefined) throw invalidField("profile", "is required");
    const columns = newProfileOf(profile, "profile.");
    const aggregates: LookUpLocks = async (session) => [
      ...(await memberAggregates(session, columns.account_id)),
      userAggregate(columns.user_id),
    ];
    return write(call, { method, request, aggregates, requestId }, async (tx) => ({ profile: toProfile(await storeProfile(tx, columns)) }));
  };
