import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { ListTeamsRequestSchema } from "../gen/userd/v1/team_pb.ts";
import { teams } from "./kind.ts";
import { listed, readPage } from "./list-page.ts";
import { toTeam } from "./organization.mapping.ts";

/** ListTeams: reads a page in one statement. */
export const listTeams =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof OrganizationService.method.listTeams> =>
  async (call, request) => {
    const page = pager(call, ListTeamsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await readPage({ db, call, page }, request.organizationId, listed(teams, request.showDeleted));
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { teams: rows.map(toTeam), nextPageToken };
  };
