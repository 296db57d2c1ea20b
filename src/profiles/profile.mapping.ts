import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { UserProfileSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { toUser } from "../users/user.mapping.ts";
import type { UserRow } from "../users/user.select.ts";
import { etagOf } from "../versions/etag.ts";
import { type AccountRow, toAccount } from "./account.select.ts";
import { toMetadata } from "./metadata.ts";
import type { ProfileRow } from "./profile.select.ts";

/** A profile as the API shows it. */
export type ProfileMessage = MessageInitShape<typeof UserProfileSchema>;

/** Makes it, with its user and account where they were asked for (expand.ts). */
export const toProfile = (row: ProfileRow, user?: UserRow, account?: AccountRow): ProfileMessage => ({
  id: row.id,
  userId: row.user_id,
  accountId: row.account_id,
  ...toMetadata(row),
  profileImageUrl: row.profile_image_url,
  isTest: row.is_test,
  etag: etagOf(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
  ...(user && { user: toUser(user) }),
  ...(account && { account: toAccount(account) }),
});
