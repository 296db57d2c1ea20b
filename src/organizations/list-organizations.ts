import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListOrganizationsRequestSchema } from "../gen/userd/v1/organization_pb.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { type OrganizationRow, organizations } from "./kind.ts";
import { toOrganization } from "./organization.mapping.ts";
import { owners } from "./owners.ts";

/** ListOrganizations: reads a page in one statement. */
export const listOrganizations =
  ({
    db,
    freshness,
    pager,
  }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof OrganizationService.method.listOrganizations> =>
  async (call, request) => {
    const { showDeleted, withoutOwner } = request;
    const page = pager(call, ListOrganizationsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const found = await db.session(call).rows(sql<OrganizationRow>`
      select ${organizations.columns} from organization r
      where r.id > ${after}::bigint
        and ${showDeleted ? sql`true` : sql`r.delete_time is null`}
        and ${withoutOwner ? sql`not exists (${owners(sql`r.id`)})` : sql`true`}
      order by r.id limit ${page.size + 1}`);
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { organizations: rows.map(toOrganization), nextPageToken };
  };
