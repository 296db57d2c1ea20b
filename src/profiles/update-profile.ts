import { profileAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { changeEntity } from "../db/entity.ts";
import { maskedFields } from "../db/mask.ts";
import type { LookUpLocks } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { UserProfileSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { UserProfile } from "../schema/user-profile.entity.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { metadataOf } from "./metadata.ts";
import { toProfile } from "./profile.mapping.ts";
import { storedProfile } from "./profile.select.ts";

const method = ProfileService.method.updateProfile;

/** UpdateProfile: the fields of the mask and no others; equal values write nothing. */
export const updateProfile =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
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
    return write(call, { method, request, aggregates }, async (tx) => {
      const row = await storedProfile(tx, to.id);
      requireEtag(to.etag, etagOf(row), "profile");
      const moves = (field: "userId" | "accountId", stored: bigint) => fields.has(field) && to[field] !== 0n && to[field] !== stored;
      if (moves("userId", row.user_id) || moves("accountId", row.account_id)) {
        throw failedPrecondition("IMMUTABLE_FIELD", "User and account of a profile can't be changed.");
      }
      await changeEntity(tx, UserProfile, row, columns);
      return { profile: toProfile(await storedProfile(tx, to.id)) };
    });
  };
