import { memberAggregates, profileAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { changeEntity } from "../db/entity.ts";
import { insertRows } from "../db/insert-rows.ts";
import { maskedFields } from "../db/mask.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { type UserProfile as UserProfileMessage, UserProfileSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { UserProfile } from "../schema/account.entity.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { addUsersToContacts } from "./account-contacts.ts";
import { everyField, type Metadata, metadataOf, metadataRow } from "./metadata.ts";
import { nameWarnings } from "./name-warning.ts";
import { type ProfileRow, selectProfiles, storedProfile, toProfile } from "./profile.select.ts";

const { method } = ProfileService;

/** The columns of a new profile; all but the user's id and the account's id have defaults. */
export type NewProfile = {
  readonly user_id: bigint;
  readonly account_id: bigint;
  readonly profile_image_url?: string;
  readonly is_test?: boolean;
} & Partial<ReturnType<typeof metadataRow>>;

/**
 * Makes the columns of a new profile from its message. `prefix` is the path of the message in the request, for errors.
 * @throws INVALID_ARGUMENT FIELD_INVALID, or for annotations OPTION_VALUE_TOO_DEEP or OPTION_VALUE_TOO_LARGE.
 */
export const newProfileOf = (profile: UserProfileMessage, prefix: string): Required<NewProfile> => {
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
 * Stores a profile and makes its user a contact of the account. The user and the account have to be locked already. Constraints refuse an
 * account that does not exist, and a second profile of the user in the account.
 */
export const storeProfile = async (tx: Tx, profile: NewProfile): Promise<ProfileRow> => {
  const user = await writableUser(tx, profile.user_id);
  await insertRows(tx, "user_profile", [profile]);
  await addUsersToContacts(tx, [{ accountId: profile.account_id, user }]);
  return tx.one(selectProfiles(tx.sql).where("user_id", "=", profile.user_id).where("account_id", "=", profile.account_id));
};

/** CreateProfile: stores a new profile, and makes its user a contact of the account. */
export const createProfile =
  ({ write }: Dependencies): Operation<typeof method.createProfile> =>
  (call, request) => {
    const { profile } = request;
    if (profile === undefined) throw invalidField("profile", "is required");
    const columns = newProfileOf(profile, "profile.");
    const aggregates: LookUpLocks = async (session) => [
      ...(await memberAggregates(session, columns.account_id)),
      userAggregate(columns.user_id),
    ];
    return write(call, { method: method.createProfile, request, aggregates }, async (tx) => ({
      profile: toProfile(await storeProfile(tx, columns)),
      warnings: nameWarnings(columns.name, "profile."),
    }));
  };

/** UpdateProfile: changes the fields of the update mask and no others. Equal values write nothing. */
export const updateProfile =
  ({ write }: Dependencies): Operation<typeof method.updateProfile> =>
  (call, request) => {
    const { profile: to } = request;
    if (to === undefined) throw invalidField("profile", "is required");
    const fields = maskedFields(UserProfileSchema, to, request.updateMask);
    const columns = {
      ...metadataOf(to, fields, "profile."),
      ...(fields.has("profileImageUrl") && { profileImageUrl: to.profileImageUrl ?? "" }),
      ...(fields.has("isTest") && { isTest: to.isTest ?? false }),
    };
    const aggregates: LookUpLocks = (session) => profileAggregates(session, [to.id]);
    return write(call, { method: method.updateProfile, request, aggregates }, async (tx) => {
      const row = await storedProfile(tx, to.id);
      requireEtag(to.etag, etagOf(row), "profile");
      const moves = (field: "userId" | "accountId", stored: bigint) => fields.has(field) && to[field] !== 0n && to[field] !== stored;
      if (moves("userId", row.user_id) || moves("accountId", row.account_id)) {
        throw failedPrecondition("IMMUTABLE_FIELD", "User and account of a profile can't be changed.");
      }
      await changeEntity(tx, UserProfile, row, columns);
      return { profile: toProfile(await storedProfile(tx, to.id)), warnings: nameWarnings(columns.name, "profile.") };
    });
  };
