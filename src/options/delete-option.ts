import { sql } from "kysely";
import { userSubject } from "../cache/subject.ts";
import type { Operation } from "../call.ts";
import type { Tx, Write } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeOf } from "./scope.ts";
import { assertOptionEtag, storedOption } from "./stored-option.ts";

const userExists = async (tx: Tx, id: bigint): Promise<boolean> => {
  const { rows } = await sql`select from users where id = ${id}`.execute(tx.sql, tx.abort);
  return rows.length > 0;
};

/** DeleteOption: deletes one value of one scope. */
export const deleteOption =
  ({ write }: { write: Write }): Operation<typeof UserOptionService.method.deleteOption> =>
  (call, request) => {
    const { userId, key, etag, allowMissing } = request;
    const option = { userId, key, scope: scopeOf(request) };
    return write(call, { method: UserOptionService.method.deleteOption, request, subjects: [userSubject(userId)] }, async (tx) => {
      const row = await storedOption(tx, option);
      if (row === undefined && !(await userExists(tx, userId))) throw userNotFound();
      assertOptionEtag(row, etag);
      if (row === undefined) {
        if (allowMissing) return {};
        throw notFound("OPTION_NOT_FOUND", "There is no such option.");
      }
      await sql`delete from user_option where id = ${row.id}`.execute(tx.sql, tx.abort);
      return { option: toUserOption(row) };
    });
  };
