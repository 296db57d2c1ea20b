import type { Operation } from "../call.ts";
import type { LookUpLocks } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { deleteProvider } from "./provider.ts";

const method = UserService.method.deleteAuthProvider;

/** DeleteAuthProvider: as DeleteIdentityProvider. Whose provider it is never changes; a retry finds its first answer without. */
export const deleteAuthProvider =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { id, requestId, validateOnly } = request;
    const aggregates: LookUpLocks = async (session) => {
      const known = await session.row(session.sql.selectFrom("auth_provider").select("organization_id").where("id", "=", id));
      return known === undefined ? [] : [organizationAggregate(known.organization_id)];
    };
    return write(call, { method, request, aggregates, requestId, validateOnly }, async (tx) => ({
      removedIdentities: await deleteProvider(tx, "auth_provider", request),
    }));
  };
