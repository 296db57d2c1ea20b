import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { assertExpansion, expandedOne } from "./expand.ts";
import { profileNotFound, selectProfiles } from "./profile.select.ts";

/** GetProfile: by its id, or by its user and account: that very pair. */
export const getProfile =
  ({ db, freshness }: Pick<Dependencies, "db" | "freshness">): Operation<typeof ProfileService.method.getProfile> =>
  async (call, request) => {
    const { key } = request;
    assertExpansion(call, request);
    await freshness.check(call, request.consistency);
    const profiles = selectProfiles(db.sql);
    const one =
      key.case === "pair"
        ? profiles.where("user_id", "=", key.value.userId).where("account_id", "=", key.value.accountId)
        : profiles.where("id", "=", key.value ?? 0n);
    const row = await db.session(call).row(one);
    if (!row) throw profileNotFound();
    return expandedOne(db, call, row, request);
  };
