import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { memberAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { newUserOf } from "../users/new-user.ts";
import { requirePermission } from "../users/privileges.ts";
import { storeUser } from "../users/store-users.ts";
import { type AccountRow, accountNotFound, selectAccounts, storedAccount } from "./accounts.ts";
import type { ProfileDependencies } from "./dependencies.ts";
import { assertExpansion, expandedOne } from "./expand.ts";
import { type ProfileRow, profileNotFound, selectAccountAdmin, toProfile } from "./profile.select.ts";
import { storeProfile } from "./profiles.ts";

const { method } = ProfileService;

/** GetAccountAdmin: reads the admin of an account. Unlike EnsureAccountAdmin it never creates one. */
export const getAccountAdmin =
  ({ db, freshness, ...sources }: ProfileDependencies): Operation<typeof method.getAccountAdmin> =>
  async (call, request) => {
    assertExpansion(call, request);
    const reading = freshness.reading(request.consistency);
    await freshness.check(call, request.consistency);
    const admin = await selectAccountAdmin(db.session(call), request.accountId);
    if (admin) return expandedOne(sources, call, admin, request, reading);
    const account = await db.session(call).row(selectAccounts(db.sql).where("id", "=", request.accountId));
    throw account ? profileNotFound() : accountNotFound();
  };

/** A staff user without a password, under a name that nobody else has, and its profile. */
const createAdmin = async (tx: Tx, { id, number }: AccountRow): Promise<ProfileRow> => {
  await requirePermission(tx, "users.admin");
  const username = `admin-${number}-${randomBytes(4).toString("hex")}`;
  const userId = await storeUser(tx, newUserOf(create(UserSchema, { username, isStaff: true })));
  return storeProfile(tx, { user_id: userId, account_id: id });
};

/** EnsureAccountAdmin: returns the admin of an account, and creates one if there is none. The account's lock keeps calls from creating two. */
export const ensureAccountAdmin =
  ({ write }: Dependencies): Operation<typeof method.ensureAccountAdmin> =>
  (call, request) => {
    const { accountId } = request;
    return write(
      call,
      { method: method.ensureAccountAdmin, request, aggregates: (session) => memberAggregates(session, accountId) },
      async (tx) => {
        const account = await storedAccount(tx, accountId);
        const admin = await selectAccountAdmin(tx, accountId);
        return { profile: toProfile(admin ?? (await createAdmin(tx, account))), created: admin === undefined };
      },
    );
  };
