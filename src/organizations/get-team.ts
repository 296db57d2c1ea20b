import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { teams } from "./kind.ts";
import { toTeam } from "./organization.mapping.ts";
import { storedRow } from "./stored.ts";

/** GetTeam: reads it by id or slug in one statement. A slug is never all digits, so it is never an id. */
export const getTeam =
  ({ db, freshness }: Pick<Dependencies, "db" | "freshness">): Operation<typeof OrganizationService.method.getTeam> =>
  async (call, request) => {
    const { key, consistency } = request;
    await freshness.check(call, consistency);
    const which =
      key.case === "slug"
        ? sql`r.organization_id = ${key.value.organizationId} and r.slug = ${key.value.slug}`
        : sql`r.id = ${key.value ?? 0n}`;
    return { team: toTeam(await storedRow(db.session(call), teams, which)) };
  };
