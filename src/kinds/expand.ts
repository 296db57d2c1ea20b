import { type SqlBool, sql } from "kysely";
import type { Call } from "../call.ts";
import { type Column, type Kind, type Link, PROFILE, type Referred, referredBy, USER } from "../contract/kinds/kind.ts";
import { camelCase } from "../contract/kinds/methods.ts";
import { models } from "../contract/kinds/read.ts";
import type { Database } from "../db/orm.ts";
import { withinPage } from "../db/page.ts";
import { invalidField } from "../errors.ts";
import type { Permission } from "../permissions.ts";
import { metadataBytes } from "../profiles/metadata.ts";
import { type ProfileRow, toProfile } from "../profiles/profile.select.ts";
import { administers, isStaffOf } from "../users/powers.ts";
import { assertCaller } from "../users/privileges.ts";
import { toUser } from "../users/user.mapping.ts";
import { selectUsers } from "../users/user.select.ts";
import { isMember, seersOf } from "./relation.ts";
import { type Row, toMessage } from "./row.ts";
import { requireRoom, rowsById } from "./rows-by-id.ts";

/** What a request asks to be returned besides: for each model or kind, the fields whose ids refer to it. */
export type Expansion = readonly Omit<Referred, "number">[];

const NONE: Expansion = [];

/**
 * Returns what the field `expand` of a request asks for.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a name that is no reference of the kind, and PERMISSION_DENIED PERMISSION_REQUIRED if the caller may
 * not read what is referred to.
 */
export const expansionOf = (call: Call, kind: Kind, expand: readonly string[] = []): Expansion => {
  if (expand.length === 0) return NONE;
  const all = referredBy(kind);
  const names = all.flatMap(({ fields }) => fields.map(({ name }) => name));
  for (const [index, name] of expand.entries()) {
    if (!names.includes(name)) throw invalidField(`expand[${index}]`, `is none of ${names.join(", ")}`);
  }
  const asked = all.map(({ to, fields }) => ({ to, fields: fields.filter(({ name }) => expand.includes(name)) }));
  const expansion = asked.filter(({ fields }) => fields.length > 0);
  for (const { to } of expansion) assertCaller(call, to.readPermission as Permission);
  return expansion;
};

/** Adds to a kind that a `read_mask` has cut the fields that an expansion needs, so that they are read though not shown. */
export const withReferences = (shown: Kind, expansion: Expansion): Kind => {
  const needed = new Set(expansion.flatMap(({ fields }) => fields));
  const known = (field: Column | Link) => shown.columns.includes(field as Column) || shown.links.includes(field as Link);
  const missing = [...needed].filter((field) => !known(field));
  if (missing.length === 0) return shown;
  const [columns, links] = [missing.filter((field) => "type" in field), missing.filter((field) => "table" in field)];
  return { ...shown, columns: [...shown.columns, ...columns], links: [...shown.links, ...links] };
};

/** The ids in these fields of rows, each once, in ascending order. */
const idsIn = (rows: readonly Row[], fields: Expansion[number]["fields"]): readonly bigint[] => {
  const ids = new Set<bigint>();
  for (const row of rows) {
    for (const { name } of fields) {
      const value = row[name] as bigint | readonly string[] | null;
      if (typeof value === "bigint") ids.add(value);
      else for (const id of value ?? []) ids.add(BigInt(id));
    }
  }
  return [...ids].sort((a, b) => (a < b ? -1 : 1));
};

/** The users with these ids, as the basic view shows them; for an acting user only those that GetUser shows it. */
const usersOf = async (db: Database, call: Call, ids: readonly bigint[]) => {
  const { actingUserId: self } = call;
  const isShown =
    self === undefined
      ? sql`true`
      : sql`(users.id = ${self} or exists (
          select from users u where u.id = ${self} and (u.is_superuser or ${administers} or ${isStaffOf(sql.ref("users.id"))})))`;
  const isOne = sql<SqlBool>`(users.id = any(${ids.map(String)}::bigint[]) and ${isShown})`;
  const users = selectUsers(db.sql, { full: false }).where(isOne).orderBy("users.id");
  return (await db.session(call).rows(users)).map(toUser);
};

/** Returns those of the ids of organizations, projects or teams in whose organization the acting user, if there is one, is a member. */
const ofMembers = async (db: Database, call: Call, kind: Kind, ids: readonly bigint[]): Promise<readonly bigint[]> => {
  if (call.actingUserId === undefined) return ids;
  const organization = sql.ref(kind.ancestors.length === 0 ? "x.id" : "x.organization_id");
  const rows = await db.session(call).rows(sql<{ id: bigint }>`
    select x.id from ${sql.table(kind.table)} x
    where x.id = any(${ids.map(String)}::bigint[]) and ${isMember(call.actingUserId, organization)} order by x.id`);
  return rows.map(({ id }) => id);
};

/** The profiles with these ids, as many as an answer has room for. */
const profilesOf = async (db: Database, call: Call, ids: readonly bigint[]) => {
  const rows = await db.session(call).rows(
    withinPage(sql<ProfileRow & { readonly bytes: number; readonly upto?: unknown }>`
      select user_profile.*, ${metadataBytes("user_profile")} as bytes from user_profile
      where user_profile.id = any(${ids.map(String)}::bigint[]) order by user_profile.id`),
  );
  requireRoom(rows);
  return rows.map((row) => toProfile(row));
};

/**
 * Reads what an expansion asks for, in one statement for each model or kind, and makes the field `expanded` of the answer: each resource once, as
 * BatchGet shows it to the caller and the acting user. Without an expansion there is no such field.
 * @param asUserId the user whose list it is: what this user may not read is left out.
 */
export const expanded = async (
  db: Database,
  call: Call,
  expansion: Expansion,
  rows: readonly Row[],
  asUserId?: bigint,
): Promise<{ readonly expanded?: Readonly<Record<string, readonly unknown[]>> }> => {
  if (expansion === NONE) return {};
  const read = async ({ to, fields }: Expansion[number]): Promise<readonly unknown[]> => {
    const ids = idsIn(rows, fields);
    if (ids.length === 0) return [];
    if (to.name === USER) return usersOf(db, call, ids);
    if (to.name === PROFILE) return profilesOf(db, call, ids);
    const kind = db.kinds.served.find(({ name }) => name === to.name) as Kind;
    const shown = models.includes(kind) ? await ofMembers(db, call, kind, ids) : ids;
    return (await rowsById(db.session(call), kind, shown, seersOf(call, kind, asUserId))).map((row) => toMessage(kind, row));
  };
  const found = await Promise.all(expansion.map(async (one) => [camelCase(one.to.plural), await read(one)] as const));
  return { expanded: Object.fromEntries(found) };
};
