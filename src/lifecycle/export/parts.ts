import { type RawBuilder, sql } from "kysely";
import type { Session } from "../../db/session.ts";
import { ownedKinds } from "../../kinds/owned.ts";
import { handwritten } from "../../schema/entities.ts";
import { mergedInto } from "../purge-users.ts";
import { lifeOf, userColumnsOf } from "../tables.ts";
import type { PartKind } from "./format.ts";

/** Rows of one table that an export has. */
export type Part = {
  readonly table: string;
  readonly kind: PartKind;
  /** The condition on a row `x`; undefined = all rows. */
  readonly which?: RawBuilder<unknown>;
  /** The only columns to show, for a mention. */
  readonly columns?: readonly string[];
  /** The columns that an export leaves out unless secrets are asked for. */
  readonly secrets: readonly string[];
  /** The columns that order the rows. */
  readonly order: readonly string[];
};

const orders: Readonly<Record<string, readonly string[]>> = {
  user_activity: ["user_id"],
  import_origin: ["kind", "pk", "name_hash"],
};

/** The columns by which the rows of a table are in order, which are unique. */
const orderOf = (table: string): readonly string[] => orders[table] ?? ["id"];

/** Tables that serve a running service only: a new one makes their rows anew, or has to do without. */
const left = new Set([
  ...["user_search", "password_reset", "parted_history", "purged_scope", "changes", "audit_chain", "feed", "feed_head", "version_bump"],
  ...["aggregate_version", "name_version", "canonical_name", "idempotency"],
]);

const handwrittenTables = handwritten.map(({ meta }) => meta.tableName);

/** Returns the parts of an export of everything: parents before what refers to them. */
export const partsOfAll = ({ kinds: { kinds } }: Session): readonly Part[] => [
  ...handwrittenTables
    .filter((table) => !left.has(table))
    .map((table): Part => {
      const life = lifeOf(kinds, table);
      return { table, kind: life?.export === "personal" ? "personal" : "context", secrets: life?.secrets ?? [], order: orderOf(table) };
    }),
  ...kinds.flatMap((kind): Part[] => {
    const { table, links, secrets } = kind;
    const isPersonal = lifeOf(kinds, table)?.export === "personal";
    return [
      { table, kind: isPersonal ? "personal" : "context", secrets: secrets.map(({ name }) => name), order: ["id"] },
      ...links.map((link): Part => ({ table: link.table, kind: "context", secrets: [], order: ["id"] })),
    ];
  }),
];

/** The rows of a user in tables that do not name the user, and those of others that the user's rows refer to. */
const conditions = (ids: RawBuilder<unknown>): Readonly<Record<string, RawBuilder<unknown>>> => {
  const of = (column: string, from: string) => sql`x.id in (select ${sql.ref(column)} from ${sql.table(from)} where user_id in (${ids}))`;
  const roles = sql`select role_id from role_member where user_id in (${ids})`;
  const profiles = sql`select id from user_profile where user_id in (${ids})`;
  const members = sql`select id from organization_member where user_id in (${ids})`;
  return {
    users: sql`x.id in (${ids})`,
    role: sql`x.id in (${roles})`,
    role_permission: sql`x.role_id in (${roles})`,
    identity_provider: of("provider_id", "identity"),
    auth_provider: of("provider_id", "auth_identity"),
    account: sql`x.id in (select account_id from user_profile where user_id in (${ids}) union select account_id from account_contact where user_id in (${ids}))`,
    organization: sql`x.id in (
      select organization_id from organization_member where user_id in (${ids})
      union
      select p.organization_id from auth_provider p join auth_identity i on i.provider_id = p.id where i.user_id in (${ids}))`,
    team: sql`x.id in (select team_id from team_member where member_id in (${members}))`,
    team_member: sql`x.member_id in (${members})`,
    resource: sql`x.owner_profile_id in (${profiles})`,
  };
};

/** Returns the parts of an export of one user, with the users that were merged into it. */
export const partsOfUser = async (session: Session, userId: bigint): Promise<readonly Part[]> => {
  const ids = sql.join([userId, ...(await mergedInto(session, [userId]))].map((id) => sql`${id}::bigint`));
  const { kinds } = session.kinds;
  const own = conditions(ids);
  const parts = handwrittenTables.flatMap((table): Part[] => {
    const life = lifeOf(kinds, table);
    if (life === undefined || left.has(table) || (life.export !== "personal" && own[table] === undefined)) return [];
    const kind = life.export === "personal" ? "personal" : "context";
    return [{ table, kind, which: own[table] ?? sql`x.user_id in (${ids})`, secrets: life.secrets ?? [], order: orderOf(table) }];
  });
  const owned = ownedKinds(session.kinds).map(({ table, secrets }): Part => {
    const which = sql`x.owner_profile_id in (select id from user_profile where user_id in (${ids}))`;
    return { table, kind: "personal", which, secrets: secrets.map(({ name }) => name), order: ["id"] };
  });
  const mentions = kinds
    .filter(({ belongsTo, isLarge }) => !isLarge && belongsTo?.to !== "profile")
    .flatMap((kind) =>
      userColumnsOf(kind).map((column): Part => {
        const which = sql`${sql.ref(`x.${column}`)} in (${ids})`;
        return { table: kind.table, kind: "mention", which, columns: ["id", column], secrets: [], order: ["id"] };
      }),
    );
  return [...parts, ...owned, ...mentions];
};

/** Makes the SQL of the text of a row `x` of a part. */
export const textOf = ({ columns, secrets }: Part, withSecrets: boolean): RawBuilder<string> => {
  if (columns !== undefined)
    return sql`jsonb_build_object(${sql.join(columns.flatMap((name) => [sql.lit(name), sql.ref(`x.${name}`)]))})::text`;
  // The same as of to_jsonb, and for less.
  return withSecrets || secrets.length === 0 ? sql`row_to_json(x)::text` : sql`(to_jsonb(x) - ${[...secrets]}::text[])::text`;
};

/** Makes the SQL of the name of a part's table, which may be in a schema of its own. */
export const fromOf = ({ table }: Part): RawBuilder<unknown> => sql`${sql.table(table)} x`;

/** Makes the SQL of the order of a part's rows. */
export const orderedBy = ({ order }: Part): RawBuilder<unknown> => sql.join(order.map((name) => sql.ref(`x.${name}`)));
