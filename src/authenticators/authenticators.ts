import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, type SqlBool, sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { notFound } from "../errors.ts";
import { type AuthenticatorSchema, AuthenticatorType, ListAuthenticatorsRequestSchema } from "../gen/userd/v1/authenticator_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf, toValue } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import type { Vault } from "../secrets/secrets.ts";
import { userNotFound } from "../users/get-user.ts";
import { has2fa } from "../users/user.select.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

const { method } = UserService;

/** The stored numbers are those of the model that authenticators are imported from; 0 is recovery codes. */
const types: readonly AuthenticatorType[] = [
  AuthenticatorType.RECOVERY_CODES,
  AuthenticatorType.TOTP,
  AuthenticatorType.SMS,
  AuthenticatorType.U2F,
];

/** Returns the number that the database stores for a type of authenticator. */
const storedType = (type: AuthenticatorType): number => types.indexOf(type);

/** Makes the API's message of an authenticator from its row; `vault` decrypts the authenticator's config. */
const toAuthenticator = (row: Selectable<Schema["authenticator"]>, vault: Vault): MessageInitShape<typeof AuthenticatorSchema> => ({
  userId: row.user_id,
  type: types[row.type] ?? AuthenticatorType.UNSPECIFIED,
  ...(row.config && { config: toValue(JSON.parse(vault.unlock(row.config)) as JsonValue) }),
  createTime: timestampFromDate(row.create_time),
  ...(row.last_used_time && { lastUsedTime: timestampFromDate(row.last_used_time) }),
});

/** AddAuthenticator: stores an authenticator of a user, with its config encrypted. A second authenticator of the same type is refused. */
export const addAuthenticator =
  ({ write, vault }: Dependencies): Operation<typeof method.addAuthenticator> =>
  (call, request) => {
    const { userId, type, config } = request;
    const locked = config === undefined ? null : vault.lock(jsonOf(config, "config"));
    return write(call, { method: method.addAuthenticator, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const row = await tx.one(sql<Selectable<Schema["authenticator"]>>`
        insert into authenticator (user_id, type, config) values (${userId}, ${storedType(type)}, ${locked})
        returning *`);
      return { authenticator: toAuthenticator(row, vault) };
    });
  };

/** RemoveAuthenticator: deletes a user's authenticator of the type in the request. Throws NOT_FOUND when the user has none of this type. */
export const removeAuthenticator =
  ({ write }: Dependencies): Operation<typeof method.removeAuthenticator> =>
  (call, request) => {
    const { userId, type } = request;
    return write(call, { method: method.removeAuthenticator, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const removed = await tx.affected(sql`
        delete from authenticator where user_id = ${userId} and type = ${storedType(type)}`);
      if (removed === 0) throw notFound("AUTHENTICATOR_NOT_FOUND", "The user has no authenticator of this type.");
      return {};
    });
  };

type Row = Selectable<Schema["authenticator"]>;
/** ListAuthenticators: returns a page of one user's authenticators, ordered by type. Throws NOT_FOUND when there is no such user. */
export const listAuthenticators =
  ({ db, freshness, vault, pager }: Dependencies): Operation<typeof method.listAuthenticators> =>
  async (call, request) => {
    const page = pager(call, ListAuthenticatorsRequestSchema, request, MAX_PAGE_SIZE);
    await freshness.check(call, request.consistency);
    const [after = "-1"] = page.after ?? [];
    // No row = there is no such user; a row of nulls = the user has no authenticator.
    const rows = await db.session(call).rows(sql<Row | { id: null }>`
      select a.* from users u left join authenticator a on a.user_id = u.id and a.type > ${after}::int
      where u.id = ${request.userId} order by a.type limit ${page.size + 1}`);
    if (rows.length === 0) throw userNotFound();
    const found = rows.filter((row): row is Row => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ type }) => [type]);
    return { authenticators: shown.map((row) => toAuthenticator(row, vault)), nextPageToken };
  };

/** BatchHas2fa: tells, by one SQL statement, which users have a second factor: an authenticator other than recovery codes. */
export const batchHas2fa =
  ({ db, freshness }: Dependencies): Operation<typeof method.batchHas2fa> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const rows = await db.session(call).rows(
      db.sql
        .selectFrom("users")
        .select("id")
        .where(sql<SqlBool>`id = any(${request.userIds.map(String)}::bigint[])`)
        .where(has2fa),
    );
    const secured = new Set(rows.map(({ id }) => id));
    return { results: request.userIds.map((userId) => ({ userId, has2fa: secured.has(userId) })) };
  };
