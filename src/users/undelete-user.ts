import { flagAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { changeAnyUser } from "./change-user.ts";

const method = UserService.method.undeleteUser;

/** UndeleteUser: its names were kept for it, so nothing can be in the way. */
export const undeleteUser =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) =>
    write(call, { method, request, aggregates: await flagAggregates(db, call, request.id) }, async (tx) => ({
      user: await changeAnyUser(tx, request.id, (row) => {
        row.deleteTime = null;
        row.purgeTime = null;
      }),
    }));
