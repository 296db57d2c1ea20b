import { answerOf, fieldsOf, type StandardMethod } from "../kinds/standard-method.ts";
import { lockedRow, locksOf } from "../kinds/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import { type Purgeable, purgeable } from "./remove-scopes.ts";

/**
 * PurgeOrganization, PurgeProject, PurgeTeam: removes an organization, project or team at once, deleted or not, with its options and all that
 * belongs to it.
 */
export const purgeScope: StandardMethod =
  ({ write }, kind, method) =>
  (call, request) => {
    const { id } = fieldsOf<{ readonly id: bigint }>(request);
    return write(call, { method, request, aggregates: locksOf(kind, id) }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await lockedRow(tx, kind, id);
      for (const aggregate of await purgeable[kind.table as Purgeable].remove(tx, id)) tx.touch(aggregate);
      return answerOf({});
    });
  };
