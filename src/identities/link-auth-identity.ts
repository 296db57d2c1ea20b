import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { toAuthIdentity } from "./identity.mapping.ts";
import { attach, lockingLinked } from "./link.ts";

/** LinkAuthIdentity: the user is known by this id of the provider of an organization. */
export const linkAuthIdentity =
  ({ db, write }: { db: Database; write: Write }): Operation<typeof UserService.method.linkAuthIdentity> =>
  (call, request) =>
    lockingLinked(db.session(call), "auth_identity", request, (users) =>
      write(call, { method: UserService.method.linkAuthIdentity, request, aggregates: users.map(userAggregate) }, async (tx) => {
        await writableUser(tx, request.userId);
        return { identity: toAuthIdentity(await attach(tx, "auth_identity", request, users)) };
      }),
    );
