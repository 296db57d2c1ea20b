import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { notFound } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { refusedEntry } from "../status.ts";
import { assertDistinctRows, lockedResources, resourceLocks } from "./locked-resources.ts";
import { toResource } from "./resource.select.ts";

const method = ProfileService.method.unregisterResources;

/** Makes the error for a reference to a resource that does not exist. */
export const resourceNotFound = () => notFound("RESOURCE_NOT_FOUND", "There is no such resource.");

/** UnregisterResources: deletes all of the named resources that exist, in one statement. */
export const unregisterResources =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { resources } = request;
    return write(call, { method, request, aggregates: resourceLocks(resources) }, async (tx) => {
      const rows = await lockedResources(tx, resources);
      assertDistinctRows(rows, "resources");
      const ids = rows.flatMap((row) => (row === undefined ? [] : [String(row.id)]));
      await tx.rows(sql`delete from resource where id = any(${ids}::bigint[])`);
      const results = rows.map((row) =>
        row ? { result: { case: "resource" as const, value: toResource(row) } } : refusedEntry(resourceNotFound()),
      );
      return { results };
    });
  };
