import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { newSecretToken } from "../secrets/secret-token.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { storedEmail } from "./stored-email.ts";

/** How long a token is valid. */
export const VERIFICATION_HOURS = 48;

/** CreateEmailVerification: a token for one address; the address's earlier one is replaced. */
export const createEmailVerification =
  ({ write }: { write: Write }): Operation<typeof UserService.method.createEmailVerification> =>
  (call, request) => {
    const { userId, email } = request;
    return write(call, { method: UserService.method.createEmailVerification, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const { id } = await storedEmail(tx, userId, email);
      const { token, hash } = newSecretToken();
      const row = await tx.one(sql<{ expire_time: Date }>`
        update user_email set verification_hash = ${hash}, verification_hash_time = now() where id = ${id}
        returning verification_hash_time + make_interval(hours => ${VERIFICATION_HOURS}) as expire_time`);
      return { token, expireTime: timestampFromDate(row.expire_time) };
    });
  };
