import type { Tx } from "../db/write.ts";
import { removeRecordsFirst } from "../kinds/records.ts";
import { answerOf, fieldsOf, type StandardMethod } from "../kinds/standard-method.ts";
import { lockedRow, locksOf } from "../kinds/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import type { Eraser } from "./erasure/eraser.ts";
import { toReceipt } from "./erasure/receipts.ts";
import { eraseScope } from "./record-scope.ts";
import type { Purgeable } from "./remove-scopes.ts";

/**
 * PurgeOrganization, PurgeProject, PurgeTeam: removes an organization, project or team at once, deleted or not, with its options and all that
 * belongs to it.
 */
export const purgeScope =
  (eraser: Eraser): StandardMethod =>
  (app, kind, method) =>
  async (call, request) => {
    const { id, validateOnly } = fieldsOf<{ readonly id: bigint; readonly validateOnly: boolean }>(request);
    const plan = { method, request, aggregates: locksOf(kind, id) };
    const check = async (tx: Tx) => {
      await requirePermission(tx, "users.admin");
      await lockedRow(tx, kind, id);
    };
    const records = await removeRecordsFirst(app, call, { name: kind.name, ids: [id] }, plan, check);
    return app.write(call, plan, async (tx) => {
      await check(tx);
      const { receipts, changed } = await eraseScope(tx, { kind: kind.table as Purgeable, id }, eraser, records);
      for (const aggregate of changed) tx.touch(aggregate);
      if (!validateOnly) await eraser.sealed(receipts);
      const receipt = receipts.get(id);
      return answerOf(receipt === undefined ? {} : { receipt: toReceipt(receipt) });
    });
  };
