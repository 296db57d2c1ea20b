import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { storedType } from "./authenticator.mapping.ts";

/** RemoveAuthenticator: deletes the user's authenticator of one type. */
export const removeAuthenticator =
  ({ write }: { write: Write }): Operation<typeof UserService.method.removeAuthenticator> =>
  (call, request) => {
    const { userId, type, requestId } = request;
    const plan = { method: UserService.method.removeAuthenticator, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await writableUser(tx, userId);
      const removed = await tx.affected(sql`
        delete from authenticator where user_id = ${userId} and type = ${storedType(type)}`);
      if (removed === 0) throw notFound("AUTHENTICATOR_NOT_FOUND", "The user has no authenticator of this type.");
      return {};
    });
  };
