import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { newSessionNonce } from "../secrets/secret-token.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

/** RotateSessionNonce: ends all sessions. */
export const rotateSessionNonce =
  ({ write }: { write: Write }): Operation<typeof UserService.method.rotateSessionNonce> =>
  (call, request) => {
    const { userId } = request;
    return write(call, { method: UserService.method.rotateSessionNonce, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const sessionNonce = newSessionNonce();
      await tx.rows(sql`update users set session_nonce = ${sessionNonce}, version = version + 1 where id = ${userId}`);
      return { sessionNonce };
    });
  };
