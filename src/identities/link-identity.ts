import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { toIdentity } from "./identity.mapping.ts";
import { attach, linkAggregates } from "./link.ts";

const method = UserService.method.linkIdentity;

/** LinkIdentity: the user is known by this id of an identity provider. */
export const linkIdentity =
  ({ write }: { write: Write }): Operation<typeof method> =>
  (call, request) =>
    write(call, { method, request, aggregates: linkAggregates("identity", request) }, async (tx) => {
      await writableUser(tx, request.userId);
      return { identity: toIdentity(await attach(tx, "identity", request)) };
    });
