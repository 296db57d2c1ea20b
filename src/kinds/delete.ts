import { sql } from "kysely";
import { changeEntity } from "../db/entity.ts";
import { afterDays } from "../moment.ts";
import { requireEtag } from "../versions/etag.ts";
import { entityOf } from "./entity-of.ts";
import { etagOf, toMessage } from "./row.ts";
import { answerOf, fieldsOf, resourceField, type StandardMethod } from "./standard-method.ts";
import { lockedRow, locksOf, requireLive, requireLiveAncestors, storedById } from "./stored.ts";

type Request = { readonly id: bigint; readonly etag: string };

/** DeleteX: softly where the kind says so, and nothing goes before the grace period ends; else at once. */
export const deleteResource: StandardMethod = ({ write, purgeAfterDays }, kind, method) => {
  const field = resourceField(kind);
  return (call, request) => {
    const { id, etag } = fieldsOf<Request>(request);
    return write(call, { method, request, aggregates: locksOf(kind, id) }, async (tx) => {
      const row = await lockedRow(tx, kind, id);
      requireLive(kind, row);
      requireEtag(etag, etagOf(kind, row), kind.label);
      if (!kind.isSoft) {
        await tx.rows(sql`delete from ${sql.table(kind.table)} where id = ${id}`);
        return answerOf({});
      }
      const deleteTime = new Date();
      await changeEntity(tx, entityOf(kind), row, { deleteTime, purgeTime: afterDays(deleteTime, purgeAfterDays) });
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};

/** UndeleteX: as it was, since its keys were kept for it. What is not deleted changes nothing. */
export const undeleteResource: StandardMethod = ({ write }, kind, method) => {
  const field = resourceField(kind);
  return (call, request) => {
    const { id } = fieldsOf<Request>(request);
    return write(call, { method, request, aggregates: locksOf(kind, id) }, async (tx) => {
      const row = await lockedRow(tx, kind, id);
      requireLiveAncestors(kind, row);
      await changeEntity(tx, entityOf(kind), row, { deleteTime: null, purgeTime: null });
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};

/** PurgeX: at once, deleted before or not, with all that is part of it. */
export const purgeResource: StandardMethod =
  ({ write }, kind, method) =>
  (call, request) => {
    const { id } = fieldsOf<Request>(request);
    return write(call, { method, request, aggregates: locksOf(kind, id) }, async (tx) => {
      await lockedRow(tx, kind, id);
      await tx.rows(sql`delete from ${sql.table(kind.table)} where id = ${id}`);
      return answerOf({});
    });
  };
