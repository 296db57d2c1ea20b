import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writtenUser } from "./change-user.ts";
import { checkedUserOf } from "./new-user.ts";
import { requirePermission } from "./privileges.ts";
import { storeUser } from "./store-users.ts";

const method = UserService.method.createUser;

/** CreateUser: the user and, when it has an email, its address, unverified. */
export const createUser =
  ({ write }: { write: Write }): Operation<typeof method> =>
  (call, request) => {
    const { user, requestId } = request;
    if (user === undefined) throw invalidField("user", "is required");
    const checked = checkedUserOf(user);
    return write(call, { method, request, aggregates: [], requestId }, async (tx) => {
      if (user.isStaff || user.isSuperuser) await requirePermission(tx, "users.admin");
      return { user: await writtenUser(tx, await storeUser(tx, checked)) };
    });
  };
