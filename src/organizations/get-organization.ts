import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizations } from "./kind.ts";
import { toOrganization } from "./organization.mapping.ts";
import { storedRow } from "./stored.ts";

/** GetOrganization: reads it by id or slug in one statement. A slug is never all digits, so it is never an id. */
export const getOrganization =
  ({ db, freshness }: Pick<Dependencies, "db" | "freshness">): Operation<typeof OrganizationService.method.getOrganization> =>
  async (call, request) => {
    const { key, consistency } = request;
    await freshness.check(call, consistency);
    const which = key.case === "slug" ? sql`r.slug = ${key.value}` : sql`r.id = ${key.value ?? 0n}`;
    return { organization: toOrganization(await storedRow(db.session(call), organizations, which)) };
  };
