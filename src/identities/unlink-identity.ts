import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { detach } from "./link.ts";

/** UnlinkIdentity: the user is no longer known by an id of an identity provider. */
export const unlinkIdentity =
  ({ write }: { write: Write }): Operation<typeof UserService.method.unlinkIdentity> =>
  (call, request) => {
    const { userId, requestId } = request;
    const plan = { method: UserService.method.unlinkIdentity, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await writableUser(tx, userId);
      await detach(tx, "identity", request);
      return {};
    });
  };
