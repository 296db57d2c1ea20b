import { sql } from "kysely";
import { referenceNotFound } from "../contract/kinds/errors.ts";
import { OWNER_PROFILE_ID } from "../contract/kinds/kind.ts";
import { camelCase } from "../contract/kinds/methods.ts";
import { changeEntity } from "../db/entity.ts";
import { requireEtag } from "../versions/etag.ts";
import { requireOwned, ruledParent } from "./relation.ts";
import { dropReferring } from "./remove.ts";
import { resourceField } from "./resource-fields.ts";
import { etagOf, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";
import { lockedRow, locksOf, requireLive, storedById } from "./stored.ts";

type Request = { readonly id: bigint; readonly toProfileId: bigint; readonly etag: string };

/**
 * TransferX: gives a resource to another profile, where the acting user has to own both. References to what the old owner keeps are cleared, and
 * so are those from there, as nothing refers to what another profile owns.
 */
export const transferResource: StandardMethod = ({ write }, kind, method) => {
  const field = resourceField(kind);
  const references = kind.columns.filter(({ reference }) => reference?.isParent === false).map((column) => column.field.localName);
  return (call, request) => {
    const { id, toProfileId, etag } = fieldsOf<Request>(request);
    return write(call, { method, request, aggregates: locksOf(kind, id, [toProfileId]) }, async (tx) => {
      const row = await lockedRow(tx, kind, id);
      requireLive(kind, row);
      requireEtag(etag, etagOf(kind, row), kind.label);
      const missing = () => referenceNotFound("to_profile_id");
      if ((await tx.row(sql`select from user_profile where id = ${toProfileId}`)) === undefined) throw missing();
      await requireOwned(tx, kind, ruledParent(kind, toProfileId, []), missing);
      if (row[OWNER_PROFILE_ID] !== toProfileId) {
        await dropReferring(tx, kind, id);
        const cleared = Object.fromEntries(references.map((name) => [name, null]));
        await changeEntity(tx, tx.kinds.entityOf(kind), row, { ...cleared, [camelCase(OWNER_PROFILE_ID)]: toProfileId });
      }
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};
