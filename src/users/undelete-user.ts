import { flagAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { changeAnyUser } from "./change-user.ts";

const method = UserService.method.undeleteUser;

/** UndeleteUser: its names were kept for it, so nothing can be in the way. */
export const undeleteUser =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) =>
    write(call, { method, request, aggregates: flagAggregates(request.id) }, async (tx) => ({
      user: await changeAnyUser(tx, request.id, (row) => {
        row.deleteTime = null;
        row.purgeTime = null;
      }),
    }));
