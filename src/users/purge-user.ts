import { userSubject } from "../cache/subject.ts";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/users/v1/user_service_pb.ts";
import { purgeUsers } from "../lifecycle/purge.ts";
import { userNotFound } from "./get-user.ts";
import { assertMay } from "./privileges.ts";

const method = UserService.method.purgeUser;

/** PurgeUser: at once, deleted before or not. */
export const purgeUser =
  ({ write, systemUser }: Pick<Dependencies, "write" | "systemUser">): Operation<typeof method> =>
  (call, request) => {
    const { id, validateOnly, requestId } = request;
    return write(call, { method, request, subjects: [userSubject(id)], requestId, validateOnly }, async (tx) => {
      await assertMay(tx, "users.admin");
      const row = await tx.sql.selectFrom("users").select("username").where("id", "=", id).executeTakeFirst(tx.abort);
      if (!row) throw userNotFound();
      systemUser.refuse(row.username);
      await purgeUsers(tx, [id]);
      return {};
    });
  };
