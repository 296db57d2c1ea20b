import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { toAuthIdentity } from "./identity.mapping.ts";
import { attach, linkAggregates } from "./link.ts";

const method = UserService.method.linkAuthIdentity;

/** LinkAuthIdentity: the user is known by this id of the provider of an organization. */
export const linkAuthIdentity =
  ({ write }: { write: Write }): Operation<typeof method> =>
  (call, request) =>
    write(call, { method, request, aggregates: linkAggregates("auth_identity", request) }, async (tx) => {
      await writableUser(tx, request.userId);
      return { identity: toAuthIdentity(await attach(tx, "auth_identity", request)) };
    });
