import { sql } from "kysely";
import { listResources } from "../kinds/list.ts";
import type { StandardMethod } from "../kinds/standard-method.ts";
import { owners } from "./owners.ts";

/** ListOrganizations: reads one page of all organizations or, if asked to, of those without an owner who is present. */
export const listOrganizations: StandardMethod = (app, kind, method) =>
  listResources(app, kind, method, { field: "withoutOwner", isMet: sql`not exists (${owners(sql`r.id`)})` });
