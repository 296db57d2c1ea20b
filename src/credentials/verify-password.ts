import { sql } from "kysely";
import { userSubject } from "../cache/subject.ts";
import type { Call, Operation } from "../call.ts";
import { handleOf } from "../db/handles.ts";
import type { Database } from "../db/orm.ts";
import type { Tx, Write } from "../db/transaction.ts";
import type { VerifyPasswordRequest } from "../gen/users/v1/credentials_pb.ts";
import { UserService } from "../gen/users/v1/user_service_pb.ts";
import { toUser } from "../users/user.mapping.ts";
import { selectUsers } from "../users/user.select.ts";
import type { Passwords } from "./passwords.ts";

/** Whose password it may be, and the hash that it is held against. */
type Candidate = { readonly id: bigint; readonly password: string; readonly last_password_change: Date | null };

/** Who may sign in, of the users `u`. */
const maySignIn = sql<boolean>`(u.is_active and not u.is_suspended and u.delete_time is null)`;

/** The users that are meant; an address that several share means the one who has verified it, or nobody. */
const meant = ({ user }: VerifyPasswordRequest) => {
  switch (user.case) {
    case "userId":
      return sql`u.id = ${user.value}`;
    case "username":
      return sql`u.username_handle = ${handleOf(user.value)}`;
    default:
      return sql`u.id = (
        select case when count(*) = 1 or bool_or(e.is_verified) then (array_agg(e.user_id order by e.is_verified desc))[1] end
        from user_email e join users owner on owner.id = e.user_id and owner.delete_time is null
        where e.email_handle = ${handleOf(user.value ?? "")})`;
  }
};

const candidate = async (db: Database, call: Call, request: VerifyPasswordRequest): Promise<Candidate | undefined> => {
  const { rows } = await sql<Candidate>`
    select u.id, u.password, u.last_password_change from users u where ${meant(request)} and ${maySignIn}`.execute(db.sql, db.abort(call));
  return rows[0];
};

/** The user may still sign in, and the password is the one that was verified; its hash may be another one by now. */
const stillValid = async (tx: Tx, { id, last_password_change: changed }: Candidate): Promise<boolean> => {
  const { rows } = await sql`
    select from users u where u.id = ${id} and u.last_password_change is not distinct from ${changed}::timestamptz and ${maySignIn}`.execute(
    tx.sql,
    tx.abort,
  );
  return rows.length > 0;
};

const recordLogin = async (tx: Tx, userId: bigint): Promise<void> => {
  await sql`
    insert into user_activity (user_id, last_login) values (${userId}, now())
    on conflict (user_id) do update set last_login = excluded.last_login`.execute(tx.sql, tx.abort);
};

/** A better hash of the same password, unless another call was faster. Nobody can observe it, so the etag stays. */
const replaceHash = async (tx: Tx, { id, password }: Candidate, hash: string): Promise<void> => {
  await sql`update users set password = ${hash} where id = ${id} and password = ${password}`.execute(tx.sql, tx.abort);
};

/** VerifyPassword: one hash computation for everybody, known or not; only a success writes. */
export const verifyPassword =
  ({ db, write, passwords }: { db: Database; write: Write; passwords: Passwords }): Operation<typeof UserService.method.verifyPassword> =>
  async (call, request) => {
    const { password } = request;
    const user = await candidate(db, call, request);
    const { valid, outdated } = await passwords.verify(password, user?.password, call.signal);
    if (!valid || user === undefined) return { valid: false };
    const hash = outdated ? await passwords.hash(password, call.signal) : undefined;
    return write(call, { method: UserService.method.verifyPassword, request, subjects: [userSubject(user.id)] }, async (tx) => {
      if (!(await stillValid(tx, user))) return { valid: false };
      await recordLogin(tx, user.id);
      if (hash !== undefined) await replaceHash(tx, user, hash);
      const row = await selectUsers(tx.sql, { full: true }).where("users.id", "=", user.id).executeTakeFirstOrThrow(tx.abort);
      return { valid: true, user: toUser(row) };
    });
  };
