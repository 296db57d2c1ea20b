import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { detach } from "./link.ts";

/** UnlinkAuthIdentity: the user is no longer known by an id of the provider of an organization. */
export const unlinkAuthIdentity =
  ({ write }: { write: Write }): Operation<typeof UserService.method.unlinkAuthIdentity> =>
  (call, request) => {
    const { userId, requestId } = request;
    const plan = { method: UserService.method.unlinkAuthIdentity, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await writableUser(tx, userId);
      await detach(tx, "auth_identity", request);
      return {};
    });
  };
