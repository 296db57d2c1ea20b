import { flagAggregates, touchAccounts } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { LookUpLocks } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { purgeUsers } from "../lifecycle/purge.ts";
import type { UserDependencies } from "../users/dependencies.ts";
import { userNotFound } from "../users/get-user.ts";
import { requirePermission } from "../users/privileges.ts";
import { organizationAggregate } from "../versions/aggregate.ts";

const method = UserService.method.purgeUser;

/** PurgeUser: at once, deleted before or not. */
export const purgeUser =
  ({ write, systemUser }: Pick<UserDependencies, "write" | "systemUser">): Operation<typeof method> =>
  (call, request) => {
    const { id, validateOnly, requestId } = request;
    const aggregates: LookUpLocks = async (session) => {
      const memberships = session.sql.selectFrom("organization_member").select("organization_id").where("user_id", "=", id);
      const left = (await session.rows(memberships)).map(({ organization_id }) => organizationAggregate(organization_id));
      return [...(await flagAggregates(id)(session)), ...left];
    };
    return write(call, { method, request, aggregates, requestId, validateOnly }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const row = await tx.row(tx.sql.selectFrom("users").select("username").where("id", "=", id));
      if (!row) throw userNotFound();
      systemUser.refuse(row.username);
      await touchAccounts(tx, id);
      return { ownerlessOrganizationIds: [...(await purgeUsers(tx, [id]))] };
    });
  };
