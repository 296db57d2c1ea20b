import type { Tx } from "../db/transaction.ts";
import { removeRecordsFirst } from "../kinds/records.ts";
import { answerOf, fieldsOf, type StandardMethod } from "../kinds/standard-method.ts";
import { lockedRow, locksOf } from "../kinds/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import { type Purgeable, purgeable } from "./remove-scopes.ts";

/**
 * PurgeOrganization, PurgeProject, PurgeTeam: removes an organization, project or team at once, deleted or not, with its options and all that
 * belongs to it.
 */
export const purgeScope: StandardMethod = (app, kind, method) => async (call, request) => {
  const { id } = fieldsOf<{ readonly id: bigint }>(request);
  const plan = { method, request, aggregates: locksOf(kind, id) };
  const check = async (tx: Tx) => {
    await requirePermission(tx, "users.admin");
    await lockedRow(tx, kind, id);
  };
  await removeRecordsFirst(app, call, { name: kind.name, ids: [id] }, plan, check);
  return app.write(call, plan, async (tx) => {
    await check(tx);
    for (const aggregate of await purgeable[kind.table as Purgeable].remove(tx, id)) tx.touch(aggregate);
    return answerOf({});
  });
};
