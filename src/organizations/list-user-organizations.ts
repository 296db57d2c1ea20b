import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUserOrganizationsRequestSchema } from "../gen/userd/v1/organization_pb.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { type Row, toMessage } from "../kinds/row.ts";
import { userNotFound } from "../users/get-user.ts";
import { organizations } from "./kind.ts";
import { type MemberRow, memberColumns, toMember } from "./member.mapping.ts";

/** A membership with the columns of its organization, which have the prefix `g_`, since both have columns of the same name. */
type Joined = MemberRow & Readonly<Record<string, unknown>>;

/** The value of the column `status` for ACTIVE. */
const ACTIVE = 0;

const organizationColumns = sql.join(organizations.columns.map(({ name }) => sql`${sql.ref(`g.${name}`)} as ${sql.ref(`g_${name}`)}`));

const organizationIn = (row: Joined): Row =>
  Object.fromEntries(organizations.columns.map(({ name }) => [name, row[`g_${name}`]])) as unknown as Row;

/** ListUserOrganizations: reads one page of a user's organizations, each with the user's membership, in one statement. */
export const listUserOrganizations =
  ({ db, freshness, pager }: Dependencies): Operation<typeof OrganizationService.method.listUserOrganizations> =>
  async (call, request) => {
    const { userId, onlyVisible } = request;
    const page = pager(call, ListUserOrganizationsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const isShown = onlyVisible ? sql`g.status = ${sql.lit(ACTIVE)} and g.delete_time is null` : sql`true`;
    const rows = await db.session(call).rows(sql<Joined | { id: null }>`
      select listed.* from users u left join lateral (
        select ${memberColumns}, ${organizationColumns} from organization_member r join organization g on g.id = r.organization_id
        where r.user_id = u.id and r.organization_id > ${after}::bigint and ${isShown}
        order by r.organization_id limit ${page.size + 1}
      ) listed on true where u.id = ${userId} order by listed.g_id`);
    if (rows.length === 0) throw userNotFound();
    const found = rows.filter((row): row is Joined => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ organization_id }) => [organization_id]);
    return {
      organizations: shown.map((row) => ({ organization: toMessage(organizations, organizationIn(row)), member: toMember(row) })),
      nextPageToken,
    };
  };
