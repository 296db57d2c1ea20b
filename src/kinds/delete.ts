import { changeEntity } from "../db/entity.ts";
import type { Tx } from "../db/write.ts";
import { afterDays } from "../moment.ts";
import { requireEtag } from "../versions/etag.ts";
import { removeRecordsFirst } from "./records.ts";
import { removeResources } from "./remove.ts";
import { resourceField } from "./resource-fields.ts";
import { etagOf, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";
import { lockedRow, locksOf, requireLive, requireLiveAncestors, storedById } from "./stored.ts";

type Request = { readonly id: bigint; readonly etag: string };

/** DeleteX: marks a resource as deleted, to be purged after the grace period, or removes it at once, as its kind declares. */
export const deleteResource: StandardMethod = (app, kind, method) => {
  const field = resourceField(kind);
  return async (call, request) => {
    const { id, etag } = fieldsOf<Request>(request);
    const plan = { method, request, aggregates: locksOf(kind, id) };
    const deletable = async (tx: Tx) => {
      const row = await lockedRow(tx, kind, id);
      requireLive(kind, row);
      requireEtag(etag, etagOf(kind, row), kind.label);
      return row;
    };
    if (!kind.isSoft) await removeRecordsFirst(app, call, { name: kind.name, ids: [id] }, plan, deletable);
    return app.write(call, plan, async (tx) => {
      const row = await deletable(tx);
      if (!kind.isSoft) {
        await removeResources(tx, kind, [id]);
        return answerOf({});
      }
      const deleteTime = new Date();
      await changeEntity(tx, tx.kinds.entityOf(kind), row, { deleteTime, purgeTime: afterDays(deleteTime, app.purgeAfterDays) });
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};

/** UndeleteX: restores a deleted resource, which has kept its unique keys. A resource that is not deleted stays as it is. */
export const undeleteResource: StandardMethod = ({ write }, kind, method) => {
  const field = resourceField(kind);
  return (call, request) => {
    const { id } = fieldsOf<Request>(request);
    return write(call, { method, request, aggregates: locksOf(kind, id) }, async (tx) => {
      const row = await lockedRow(tx, kind, id);
      requireLiveAncestors(kind, row);
      await changeEntity(tx, tx.kinds.entityOf(kind), row, { deleteTime: null, purgeTime: null });
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};

/** PurgeX: removes a resource, deleted or not, at once and for good, with all that is part of it. */
export const purgeResource: StandardMethod = (app, kind, method) => async (call, request) => {
  const { id } = fieldsOf<Request>(request);
  const plan = { method, request, aggregates: locksOf(kind, id) };
  await removeRecordsFirst(app, call, { name: kind.name, ids: [id] }, plan, (tx) => lockedRow(tx, kind, id));
  return app.write(call, plan, async (tx) => {
    await lockedRow(tx, kind, id);
    await removeResources(tx, kind, [id]);
    return answerOf({});
  });
};
