import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { Passwords } from "../passwords/passwords.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { passwordManaged, storePassword } from "./store-password.ts";

/** SetPassword: hashes before its transaction, which then does not wait for that. */
export const setPassword =
  ({ write, passwords }: { write: Write; passwords: Passwords }): Operation<typeof UserService.method.setPassword> =>
  async (call, request) => {
    const { userId, password } = request;
    const hash = await passwords.hash(password, call.signal);
    return write(call, { method: UserService.method.setPassword, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      const user = await writableUser(tx, userId);
      if (user.isManaged) throw passwordManaged();
      await storePassword(tx, userId, hash);
      return {};
    });
  };
