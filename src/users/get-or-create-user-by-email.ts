import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { userSubject } from "../cache/subject.ts";
import type { Operation } from "../call.ts";
import { handleOf, lockHandles } from "../db/handles.ts";
import type { Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition } from "../errors.ts";
import type { IdentityKey } from "../gen/users/v1/identity_pb.ts";
import { type User as UserMessage, UserSchema } from "../gen/users/v1/user_pb.ts";
import { UserService } from "../gen/users/v1/user_service_pb.ts";
import { assertAddress } from "../names/rules.ts";
import { writtenUser } from "./change-user.ts";
import { newUserOf } from "./new-user.ts";
import { storeUsers } from "./store-users.ts";

const method = UserService.method.getOrCreateUserByEmail;

type Bearer = { readonly id: bigint; readonly is_active: boolean; readonly is_deleted: boolean; readonly has_identity: boolean };

/** The users who have the address. */
const bearersOf = async (tx: Tx, email: string, identity: IdentityKey | undefined): Promise<Bearer[]> => {
  const { rows } = await sql<Bearer>`
    select u.id, u.is_active, u.delete_time is not null as is_deleted, exists (
        select from identity i where i.user_id = u.id
          and i.provider_id = ${identity?.providerId ?? null}::bigint and i.external_id = ${identity?.externalId ?? null}::text
      ) as has_identity
    from user_email e join users u on u.id = e.user_id where e.email_handle = ${handleOf(email)} order by u.id`.execute(tx.sql, tx.abort);
  return rows;
};

/** Of several active users the one with the identity, if it is one. */
const chosen = (active: readonly Bearer[]): readonly Bearer[] => {
  const identified = active.filter(({ has_identity }) => has_identity);
  return identified.length === 1 ? identified : active;
};

/**
 * The user that is meant, or undefined: a new one.
 * @throws FAILED_PRECONDITION AMBIGUOUS_EMAIL or USER_DELETED.
 */
const meant = (bearers: readonly Bearer[]): bigint | undefined => {
  const [user, ...others] = chosen(bearers.filter((bearer) => bearer.is_active && !bearer.is_deleted));
  if (others.length > 0) throw failedPrecondition("AMBIGUOUS_EMAIL", "Several active users share the address.");
  if (user === undefined && bearers.some(({ is_deleted }) => is_deleted)) {
    throw failedPrecondition("USER_DELETED", "The user with this address is deleted; it can be undeleted until it is purged.");
  }
  return user?.id;
};

/** Longest username that an address can become. */
const USERNAME_LENGTH = 128;

/** The address itself, unless inactive users have it or it is too long: then its first part and what nobody else has. */
const usernameFor = (email: string, isTaken: boolean): string => {
  if (!isTaken && [...email].length <= USERNAME_LENGTH) return email;
  return `${email.split("@")[0]?.slice(0, 64)}-${randomBytes(8).toString("hex")}`;
};

/** GetOrCreateUserByEmail: the address is locked first, so of several calls at once one creates the user and the others find it. */
export const getOrCreateUserByEmail =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { email, name, identity, requestId } = request;
    assertAddress(email, "email");
    return write(call, { method, request, subjects: [], requestId }, async (tx) => {
      await lockHandles(tx, [email]);
      const bearers = await bearersOf(tx, email, identity);
      const found = meant(bearers);
      if (found !== undefined) {
        tx.touch(userSubject(found));
        return { user: await writtenUser(tx, found), created: false };
      }
      const user: UserMessage = create(UserSchema, { email, name, username: usernameFor(email, bearers.length > 0) });
      const [stored] = await storeUsers(tx, [newUserOf(user)]);
      if (stored === undefined || "error" in stored) throw stored?.error;
      return { user: await writtenUser(tx, stored.id), created: true };
    });
  };
