import { type RawBuilder, sql } from "kysely";
import { type Kind, PROFILE } from "../../contract/kinds/kind.ts";
import type { Session } from "../../db/session.ts";
import { handwritten } from "../../schema/entities.ts";
import { ofOrganization } from "../of-organization.ts";
import { lifeOf, userColumnsOf } from "../tables.ts";
import type { Part } from "./parts.ts";

/** The conditions on rows of tables that are written by hand. The users are those that the organization's rows name. */
const conditions = (kinds: readonly Kind[], id: RawBuilder<bigint>): Readonly<Record<string, RawBuilder<unknown>>> => {
  const projects = sql`select id from project where organization_id = ${id}`;
  const providers = sql`select id from auth_provider where organization_id = ${id}`;
  const owners = kinds.flatMap((kind) =>
    userColumnsOf(kind).map(
      (column) => sql`select ${sql.ref(`x.${column}`)} from ${sql.table(kind.table)} x where ${ofOrganization(kind, id)}`,
    ),
  );
  const users = sql.join(
    [
      sql`select user_id from organization_member where organization_id = ${id}`,
      sql`select user_id from auth_identity where provider_id in (${providers})`,
      ...owners,
    ],
    sql` union `,
  );
  const inScope = sql`(x.scope_kind = 1 and x.scope_id = ${id} or x.scope_kind = 2 and x.scope_id in (${projects}))`;
  return {
    users: sql`x.id in (${users})`,
    user_email: sql`x.user_id in (${users})`,
    user_option: sql`x.user_id in (${users}) and ${inScope}`,
    auth_provider: sql`x.organization_id = ${id}`,
    auth_identity: sql`x.provider_id in (${providers})`,
    scope_option: inScope,
    organization: sql`x.id = ${id}`,
    project: sql`x.organization_id = ${id}`,
    team: sql`x.organization_id = ${id}`,
    organization_member: sql`x.organization_id = ${id}`,
    team_member: sql`x.organization_id = ${id}`,
    project_team: sql`x.project_id in (${projects})`,
  };
};

/**
 * Returns the parts of an export of one organization: all that belongs to it, and of the people that it names their users, their addresses and
 * their options in it; nothing else of theirs.
 */
export const partsOfOrganization = ({ kinds: { kinds } }: Pick<Session, "kinds">, organizationId: bigint): readonly Part[] => {
  // COPY takes no parameters.
  const id = sql.lit(organizationId);
  const ofOrganizations = kinds.filter(({ belongsTo }) => belongsTo?.to !== PROFILE);
  const own = conditions(ofOrganizations, id);
  return [
    ...handwritten.flatMap(({ meta: { tableName: table } }): Part[] => {
      const [life, which] = [lifeOf(kinds, table), own[table]];
      if (life === undefined || which === undefined) return [];
      return [{ table, kind: life.export === "personal" ? "personal" : "context", which, secrets: life.secrets ?? [], order: ["id"] }];
    }),
    ...ofOrganizations.flatMap((kind): Part[] => [
      { table: kind.table, kind: "context", which: ofOrganization(kind, id), secrets: kind.secrets.map(({ name }) => name), order: ["id"] },
      ...kind.links.map(
        ({ table }): Part => ({ table, kind: "context", which: sql`x.organization_id = ${id}`, secrets: [], order: ["id"] }),
      ),
    ]),
  ];
};
