import type { MessageInitShape } from "@bufbuild/protobuf";
import { touchAccounts } from "../access/affected-aggregates.ts";
import type { Tx } from "../db/write.ts";
import type { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { User } from "../schema/user.entity.ts";
import { userNotFound } from "./get-user.ts";
import { endPasswordResets } from "./password-resets.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";
import { requireLive } from "./writable-user.ts";

/** Reads the full view of a user in the transaction that has changed it. */
export const writtenUser = async (tx: Tx, id: bigint): Promise<MessageInitShape<typeof UserSchema>> =>
  toUser(await tx.one(selectUsers(tx.sql, { full: true }).where("users.id", "=", id)));

/** The flags that decide what the user, or others of its accounts, may see. */
const accessFlagsOf = ({ isActive, isSuspended, deleteTime }: User): string =>
  JSON.stringify([isActive, isSuspended, (deleteTime ?? null) === null]);

/** Reads the entity of a user that is not deleted. Throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION USER_DELETED. */
export const liveUser = async (tx: Tx, id: bigint): Promise<User> => {
  const row = await tx.em().findOne(User, id);
  if (!row) throw userNotFound();
  requireLive(row.deleteTime ?? null);
  return row;
};

/**
 * Changes a user, deleted or not, by the function `change`, and returns its full view. Values equal to the stored ones are not written. Throws
 * NOT_FOUND USER_NOT_FOUND.
 */
export const changeAnyUser = async (tx: Tx, id: bigint, change: (row: User) => void): Promise<MessageInitShape<typeof UserSchema>> => {
  const row = await tx.em().findOne(User, id);
  if (!row) throw userNotFound();
  const before = accessFlagsOf(row);
  change(row);
  await tx.em().flush();
  if (accessFlagsOf(row) !== before) {
    await touchAccounts(tx, id);
    await endPasswordResets(tx, id);
  }
  return writtenUser(tx, id);
};

/** Changes a user as `changeAnyUser` does, unless it is deleted. Throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION USER_DELETED. */
export const changeUser = (tx: Tx, id: bigint, change: (row: User) => void): Promise<MessageInitShape<typeof UserSchema>> =>
  changeAnyUser(tx, id, (row) => {
    requireLive(row.deleteTime ?? null);
    change(row);
  });
