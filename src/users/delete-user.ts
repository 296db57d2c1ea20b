import { flagAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { newSessionNonce } from "../secrets/secret-token.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { changeUser } from "./change-user.ts";
import type { UserDependencies } from "./dependencies.ts";

const method = UserService.method.deleteUser;
const DAY_MS = 24 * 3_600_000;

/** DeleteUser: nothing is removed before the grace period ends (lifecycle/purger.ts), so all of it can be undone. */
export const deleteUser =
  ({ write, systemUser, purgeAfterDays }: Pick<UserDependencies, "write" | "systemUser" | "purgeAfterDays">): Operation<typeof method> =>
  (call, request) => {
    const { id, etag, validateOnly, requestId } = request;
    return write(call, { method, request, aggregates: flagAggregates(id), requestId, validateOnly }, async (tx) => ({
      user: await changeUser(tx, id, (row) => {
        systemUser.refuse(row.username);
        requireEtag(etag, etagOf(row), "user");
        row.deleteTime = new Date();
        row.purgeTime = new Date(row.deleteTime.getTime() + purgeAfterDays * DAY_MS);
        row.sessionNonce = newSessionNonce();
      }),
    }));
  };
