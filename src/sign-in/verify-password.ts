import { sql } from "kysely";
import type { Call, Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import type { VerifyPasswordRequest } from "../gen/userd/v1/credentials_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { writtenUser } from "../users/change-user.ts";
import { presentUser } from "../users/present.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { claimantsOf } from "./claimants.ts";
import { presentPrimaries } from "./claimed-address.ts";

/** A user whose password the given one may be, with the stored hash. */
type Candidate = { readonly id: bigint; readonly password: string; readonly last_password_change: Date | null };

const maySignIn = presentUser("u");

/** Returns the user who has verified the address, whoever else claims it, or the only one whose primary address it is. */
const holderOf = async (session: Session, email: string): Promise<bigint | undefined> => {
  const claimants = await claimantsOf(session, email);
  const owner = claimants.find(({ isVerified }) => isVerified);
  const [known, ...others] = presentPrimaries(claimants);
  return owner?.id ?? (others.length === 0 ? known?.id : undefined);
};

const candidate = async (db: Database, call: Call, { user }: VerifyPasswordRequest): Promise<Candidate | undefined> => {
  const session = db.session(call);
  const which =
    user.case === "username"
      ? // The username of a user that was merged is a name of the one that it was merged into.
        sql`u.id = (select coalesce(n.merged_into_user_id, n.id) from users n where n.username_canonical = ${canonicalName(user.value)})`
      : sql`u.id = ${user.case === "email" ? ((await holderOf(session, user.value)) ?? 0n) : (user.value ?? 0n)}`;
  return session.row(sql<Candidate>`
    select u.id, u.password, u.last_password_change from users u where ${which} and ${maySignIn}`);
};

/** Tells whether the user may still sign in by the password that was verified; its hash may be another one by now. */
const stillValid = async (tx: Tx, { id, last_password_change: changed }: Candidate): Promise<boolean> => {
  const rows = await tx.rows(sql`
    select from users u where u.id = ${id} and u.last_password_change is not distinct from ${changed}::timestamptz and ${maySignIn}`);
  return rows.length > 0;
};

const recordLogin = async (tx: Tx, userId: bigint): Promise<void> => {
  await tx.rows(sql`
    insert into user_activity (user_id, last_login) values (${userId}, now())
    on conflict (user_id) do update set last_login = excluded.last_login`);
};

/** Replaces the hash by a better one of the same password, unless another call was faster. The etag stays: no answer shows a difference. */
const replaceHash = async (tx: Tx, { id, password }: Candidate, hash: string): Promise<void> => {
  await tx.rows(sql`update users set password = ${hash} where id = ${id} and password = ${password}`);
};

/** VerifyPassword: checks a password by one hash computation, whether the user is known or not. Only a success writes to the database. */
export const verifyPassword =
  ({ db, write, passwords, permits }: Dependencies): Operation<typeof UserService.method.verifyPassword> =>
  async (call, request) => {
    const { password } = request;
    // A wrong password is answered without a transaction.
    await permits.before(call, UserService.method.verifyPassword, request);
    const user = await candidate(db, call, request);
    const { valid, outdated } = await passwords.verify(password, user?.password, call.signal);
    if (!valid || user === undefined) return { valid: false };
    const hash = outdated ? await passwords.hash(password, call.signal) : undefined;
    return write(call, { method: UserService.method.verifyPassword, request, aggregates: [userAggregate(user.id)] }, async (tx) => {
      if (!(await stillValid(tx, user))) return { valid: false };
      await recordLogin(tx, user.id);
      if (hash !== undefined) await replaceHash(tx, user, hash);
      return { valid: true, user: await writtenUser(tx, user.id) };
    });
  };
