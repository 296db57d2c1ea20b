import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { accountNotFound, selectAccounts } from "./account.select.ts";
import { assertExpansion, expandedOne } from "./expand.ts";
import { profileNotFound, selectAccountAdmin } from "./profile.select.ts";

/** GetAccountAdmin: a read, and nothing else. */
export const getAccountAdmin =
  ({ db, freshness }: Pick<Dependencies, "db" | "freshness">): Operation<typeof ProfileService.method.getAccountAdmin> =>
  async (call, request) => {
    assertExpansion(call, request);
    await freshness.check(call, request.consistency);
    const admin = await selectAccountAdmin(db.session(call), request.accountId);
    if (admin) return expandedOne(db, call, admin, request);
    const account = await db.session(call).row(selectAccounts(db.sql).where("id", "=", request.accountId));
    throw account ? profileNotFound() : accountNotFound();
  };
