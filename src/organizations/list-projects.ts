import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { ListProjectsRequestSchema } from "../gen/userd/v1/project_pb.ts";
import { projects } from "./kind.ts";
import { listed, readPage } from "./list-page.ts";
import { toProject } from "./organization.mapping.ts";

/** ListProjects: reads a page in one statement. */
export const listProjects =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof OrganizationService.method.listProjects> =>
  async (call, request) => {
    const page = pager(call, ListProjectsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await readPage({ db, call, page }, request.organizationId, listed(projects, request.showDeleted));
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { projects: rows.map(toProject), nextPageToken };
  };
