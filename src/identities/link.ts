import type { Value } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import { Overtaken } from "../db/overtaken.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { alreadyExists, failedPrecondition, notFound } from "../errors.ts";
import { IdentityStatus } from "../gen/userd/v1/identity_pb.ts";
import { jsonOf, sentBytes } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { requirePowerOver } from "../users/powers.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

/** The name of a table of links, each from a user to the user's external id at a provider. Columns that both tables have are named alike. */
export type LinkTable = "identity" | "auth_identity";

/** The row of a link without its id, and with `bytes`: the length of the link's data as JSON text, or null without data. */
export type LinkRow<T extends LinkTable = LinkTable> = Omit<Selectable<Schema[T]>, "id"> & { readonly bytes: number | null };

/** The row, without its id, of the link of a user to an identity provider. */
export type IdentityRow = LinkRow<"identity">;

/** The row, without its id, of the link of a user to the sign-in provider of an organization. */
export type AuthIdentityRow = LinkRow<"auth_identity">;

/** A request to link a user to an external id at a provider. */
export type Link = {
  readonly userId: bigint;
  readonly providerId: bigint;
  readonly externalId: string;
  readonly data?: Value | undefined;
  /** The scopes of an identity; none given = the stored scopes stay. */
  readonly scopes?: readonly string[];
  readonly reattach: boolean;
};

const shared = "l.user_id, l.provider_id, l.external_id, l.data, octet_length(l.data::text) as bytes, l.create_time, l.verify_time";

/** The SQL lists of the columns of a link's row, keyed by the name of the table; the query gives the table the alias `l`. */
export const linkColumns = {
  identity: sql.raw(`${shared}, l.scopes, l.status`),
  auth_identity: sql.raw(`${shared}, l.sync_time`),
} satisfies Record<LinkTable, unknown>;

/** Computes how many bytes a link takes of PAGE_BYTES, the size limit of a page. */
export const linkBytes = ({ bytes, data, external_id }: LinkRow): number => sentBytes(bytes ?? 0, data) + external_id.length * 3;

/** The SQL for further columns that linking sets: whoever links an identity has just used it, so it is valid. */
const further = (table: LinkTable, { scopes = [] }: Link) =>
  table === "identity"
    ? {
        columns: sql`, scopes, status`,
        values: sql`, ${scopes}::text[], ${IdentityStatus.VALID}`,
        updates: sql`, status = excluded.status, scopes = case when cardinality(excluded.scopes) = 0 then l.scopes else excluded.scopes end`,
      }
    : { columns: sql``, values: sql``, updates: sql`` };

/** Returns the user who has the external id of a link. */
const holderOf = async (session: Session, table: LinkTable, link: Link): Promise<bigint | undefined> => {
  const row = await session.row(sql<{ user_id: bigint }>`
    select user_id from ${sql.table(table)} where provider_id = ${link.providerId} and external_id = ${link.externalId}`);
  return row?.user_id;
};

/** The cause of a retry, for `requireLocked`: the external id now belongs to a user whom this write has not locked. */
const ELSEWHERE = "The external id was linked elsewhere";

/** Makes the function that looks up the users to lock for a link: the link's user and, with `reattach`, the user who now has the external id. */
export const linkAggregates =
  (table: LinkTable, link: Link): LookUpLocks =>
  async (session) => {
    const holder = link.reattach ? await holderOf(session, table, link) : undefined;
    return [link.userId, ...(holder === undefined || holder === link.userId ? [] : [holder])].map(userAggregate);
  };

/** Removes what is in the way of a link: another external id of the user, and another user of the external id. */
const detachOthers = async (tx: Tx, table: LinkTable, link: Link): Promise<void> => {
  const { userId, providerId, externalId } = link;
  const holder = await holderOf(tx, table, link);
  if (holder !== undefined) tx.requireLocked([userAggregate(holder)], ELSEWHERE);
  if (holder !== undefined && holder !== userId) await requirePowerOver(tx, holder);
  await tx.rows(sql`
    delete from ${sql.table(table)}
    where provider_id = ${providerId} and (user_id = ${userId}) <> (external_id = ${externalId})`);
  // A caller with users.admin may strand a user, such as the wrong one of two.
  const isAdministered = tx.call.caller.permissions.has("users.admin");
  if (!isAdministered && holder !== undefined && holder !== userId && (await withoutSignIn(tx, [holder])) > 0) {
    throw failedPrecondition("LAST_SIGN_IN_METHOD", "The user who has the external id has no other way to sign in.");
  }
};

/**
 * Links a user to an external id of a provider. If the two are linked already, the link gets the new data and a new time of verification.
 * @throws ALREADY_EXISTS IDENTITY_TAKEN if the external id has another user, or the user another external id; `reattach` removes such links
 * instead.
 */
export const attach = async <T extends LinkTable>(tx: Tx, table: T, link: Link): Promise<LinkRow<T>> => {
  const { userId, providerId, externalId, data, reattach } = link;
  await writableUser(tx, userId);
  const json = data === undefined ? null : jsonOf(data, "data");
  if (reattach) await detachOthers(tx, table, link);
  const { columns, values, updates } = further(table, link);
  const row = await tx.row(sql<LinkRow<T>>`
    insert into ${sql.table(table)} as l (user_id, provider_id, external_id, data${columns})
    values (${userId}, ${providerId}, ${externalId}, ${json}::jsonb${values})
    on conflict (provider_id, external_id) do update set data = coalesce(excluded.data, l.data), verify_time = now()${updates}
      where l.user_id = excluded.user_id
    returning ${linkColumns[table]}`);
  if (row) return row;
  if (reattach) throw new Overtaken(ELSEWHERE);
  throw alreadyExists("IDENTITY_TAKEN", "The external id is linked to another user.");
};

/** Counts the users among `users` who can't sign in: they have neither a usable password nor an identity. */
export const withoutSignIn = async (tx: Tx, users: readonly bigint[]): Promise<number> => {
  const counted = await tx.one(sql<{ users: number }>`
    select count(*)::int as users from users u
    where u.id = any(${users.map(String)}::bigint[]) and (u.password = '' or u.password like '!%')
      and not exists (select from identity i where i.user_id = u.id)
      and not exists (select from auth_identity a where a.user_id = u.id)`);
  return counted.users;
};

/** Removes a user's link to a provider; the user has to be locked. Throws IDENTITY_NOT_FOUND; FAILED_PRECONDITION LAST_SIGN_IN_METHOD. */
export const detach = async (tx: Tx, table: LinkTable, { userId, providerId }: Pick<Link, "userId" | "providerId">): Promise<object> => {
  await writableUser(tx, userId);
  const removed = await tx.affected(sql`
    delete from ${sql.table(table)} where user_id = ${userId} and provider_id = ${providerId}`);
  if (removed === 0) throw notFound("IDENTITY_NOT_FOUND", "The user has no identity of this provider.");
  if ((await withoutSignIn(tx, [userId])) > 0) {
    throw failedPrecondition("LAST_SIGN_IN_METHOD", "The user has no usable password: its last identity can't be removed.");
  }
  return {};
};
