import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUserOrganizationsRequestSchema } from "../gen/userd/v1/organization_pb.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import type { OrganizationRow } from "./kind.ts";
import { type MemberRow, memberColumns, toMember } from "./member.mapping.ts";
import { ACTIVE, toOrganization } from "./organization.mapping.ts";

/** The columns of a membership's organization, with the prefix `g_`, since both rows have columns of the same name. */
type OrganizationPart = { readonly [K in keyof OrganizationRow as `g_${K}`]: OrganizationRow[K] };

const organizationColumns = sql.raw(
  ["id", "name", "slug", "status", "flags", "open_membership", "create_time", "delete_time", "purge_time", "version"]
    .map((name) => `g.${name} as g_${name}`)
    .join(", "),
);

const organizationIn = (row: OrganizationPart): OrganizationRow => ({
  id: row.g_id,
  name: row.g_name,
  slug: row.g_slug,
  status: row.g_status,
  flags: row.g_flags,
  open_membership: row.g_open_membership,
  create_time: row.g_create_time,
  delete_time: row.g_delete_time,
  purge_time: row.g_purge_time,
  version: row.g_version,
});

/** ListUserOrganizations: reads a page in one statement, along the memberships of the user. */
export const listUserOrganizations =
  ({
    db,
    freshness,
    pager,
  }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof OrganizationService.method.listUserOrganizations> =>
  async (call, request) => {
    const { userId, onlyVisible } = request;
    const page = pager(call, ListUserOrganizationsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const isShown = onlyVisible ? sql`g.status = ${sql.lit(ACTIVE)} and g.delete_time is null` : sql`true`;
    const rows = await db.session(call).rows(sql<(MemberRow & OrganizationPart) | { id: null }>`
      select listed.* from users u left join lateral (
        select ${memberColumns}, ${organizationColumns} from organization_member r join organization g on g.id = r.organization_id
        where r.user_id = u.id and r.organization_id > ${after}::bigint and ${isShown}
        order by r.organization_id limit ${page.size + 1}
      ) listed on true where u.id = ${userId} order by listed.g_id`);
    if (rows.length === 0) throw userNotFound();
    const found = rows.filter((row): row is MemberRow & OrganizationPart => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ organization_id }) => [organization_id]);
    return {
      organizations: shown.map((row) => ({ organization: toOrganization(organizationIn(row)), member: toMember(row) })),
      nextPageToken,
    };
  };
