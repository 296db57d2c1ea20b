import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { toIdentity } from "./identity.mapping.ts";
import { attach, lockingLinked } from "./link.ts";

/** LinkIdentity: the user is known by this id of an identity provider. */
export const linkIdentity =
  ({ db, write }: { db: Database; write: Write }): Operation<typeof UserService.method.linkIdentity> =>
  (call, request) =>
    lockingLinked(db.session(call), "identity", request, (users) =>
      write(call, { method: UserService.method.linkIdentity, request, aggregates: users.map(userAggregate) }, async (tx) => {
        await writableUser(tx, request.userId);
        return { identity: toIdentity(await attach(tx, "identity", request, users)) };
      }),
    );
