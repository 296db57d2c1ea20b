import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { memberAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { newUserOf } from "../users/new-user.ts";
import { requirePermission } from "../users/privileges.ts";
import { storeUser } from "../users/store-users.ts";
import { type AccountRow, storedAccount } from "./account.select.ts";
import { storeProfile } from "./create-profile.ts";
import { toProfile } from "./profile.mapping.ts";
import { type ProfileRow, selectAccountAdmin } from "./profile.select.ts";

const method = ProfileService.method.ensureAccountAdmin;

/** A staff user without a password, under a name that nobody else has, and its profile. */
const createAdmin = async (tx: Tx, { id, number }: AccountRow): Promise<ProfileRow> => {
  await requirePermission(tx, "users.admin");
  const username = `admin-${number}-${randomBytes(4).toString("hex")}`;
  const userId = await storeUser(tx, newUserOf(create(UserSchema, { username, isStaff: true })));
  return storeProfile(tx, { user_id: userId, account_id: id });
};

/** EnsureAccountAdmin: the account is locked, so of several calls at once one creates the admin and the others find it. */
export const ensureAccountAdmin =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { accountId } = request;
    return write(call, { method, request, aggregates: (session) => memberAggregates(session, accountId) }, async (tx) => {
      const account = await storedAccount(tx, accountId);
      const admin = await selectAccountAdmin(tx, accountId);
      return { profile: toProfile(admin ?? (await createAdmin(tx, account))), created: admin === undefined };
    });
  };
