import { sql } from "kysely";
import { listResources } from "../kinds/list.ts";
import { fieldsOf, type StandardMethod } from "../kinds/standard-method.ts";
import { owners } from "./owners.ts";

/** ListOrganizations: of all, or of those without an owner. */
export const listOrganizations: StandardMethod = (app, kind, method) =>
  listResources(app, kind, method, (request) =>
    fieldsOf<{ readonly withoutOwner: boolean }>(request).withoutOwner ? sql`not exists (${owners(sql`r.id`)})` : sql`true`,
  );
