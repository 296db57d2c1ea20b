import { flagAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { changeUser } from "./change-user.ts";
import type { UserDependencies } from "./dependencies.ts";

const method = UserService.method.deactivateUser;

/** DeactivateUser: the user can't sign in. */
export const deactivateUser =
  ({ write, systemUser }: Pick<UserDependencies, "write" | "systemUser">): Operation<typeof method> =>
  (call, request) =>
    write(call, { method, request, aggregates: flagAggregates(request.id) }, async (tx) => ({
      user: await changeUser(tx, request.id, (row) => {
        systemUser.refuse(row.username);
        row.isActive = false;
      }),
    }));
