import { flagAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { changeUser } from "./change-user.ts";

const method = UserService.method.reactivateUser;

/** ReactivateUser: the user can sign in again. */
export const reactivateUser =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) =>
    write(call, { method, request, aggregates: flagAggregates(request.id) }, async (tx) => ({
      user: await changeUser(tx, request.id, (row) => {
        row.isActive = true;
      }),
    }));
