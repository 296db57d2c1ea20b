import { sql } from "kysely";
import { resourceNotFound } from "../contract/kinds/errors.ts";
import { type Kind, sealedOf } from "../contract/kinds/kind.ts";
import type { Tx } from "../db/write.ts";
import { requireOwned, ruledRow } from "./relation.ts";
import { resourceField } from "./resource-fields.ts";
import { toMessage } from "./row.ts";
import { type SealedRow, sealedColumns, unseal } from "./secrets.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";
import { locksOf, requireLive, storedById } from "./stored.ts";

/** Writes down who learns the secrets. Nothing has changed, so no version moves. */
const logReveal = async (tx: Tx, kind: Kind, id: bigint): Promise<void> => {
  const { caller, actingUserId, requestId } = tx.call;
  const aggregate = (await locksOf(kind, id)(tx)).at(-1);
  await tx.one(sql`
    insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id)
    select ${kind.name}, ${String(id)}, 'reveal', ${sealedOf(kind).map(({ name }) => name)}::text[], s.kind, s.id, s.version,
      pg_current_xact_id(), ${caller.name}, ${actingUserId ?? null}::bigint, ${requestId}
    from aggregate_version s where s.kind = ${aggregate?.kind ?? ""} and s.id = ${aggregate?.id ?? 0n}
    returning id`);
};

/**
 * RevealX: returns a resource that is not deleted, with its sealed fields decrypted, to who may write it, and logs that in the same transaction.
 * A resource that the acting user can't read is NOT_FOUND.
 */
export const revealResource: StandardMethod = ({ write, vault }, kind, method) => {
  const field = resourceField(kind);
  const secrets = sealedOf(kind);
  return (call, request) => {
    const { id } = fieldsOf<{ readonly id: bigint }>(request);
    // It changes nothing, so it need not wait for the writes of others.
    return write(call, { method, request, aggregates: [] }, async (tx) => {
      await requireOwned(tx, kind, ruledRow(kind, id), () => resourceNotFound(kind));
      const row = await storedById(tx, kind, id);
      requireLive(kind, row);
      const sealed = await tx.one(sql<SealedRow>`select ${sealedColumns(secrets)} from ${sql.table(kind.table)} r where r.id = ${id}`);
      const plain = secrets.map(
        (secret) => [secret.field.localName, unseal(vault, kind, secret, id, sealed[secret.name] ?? null)] as const,
      );
      await logReveal(tx, kind, id);
      return answerOf({ [field]: Object.assign(toMessage(kind, row), Object.fromEntries(plain.filter(([, value]) => value !== null))) });
    });
  };
};
