import { isDeepStrictEqual } from "node:util";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { referenceNotFound } from "../contract/kinds/errors.ts";
import { type Column, type Kind, ORGANIZATION_IDS, type Secret } from "../contract/kinds/kind.ts";
import { withArticle } from "../contract/kinds/methods.ts";
import { declaredReasons } from "../contract/reasons.ts";
import { changeEntity } from "../db/entity.ts";
import { maskedFields } from "../db/mask.ts";
import type { Tx } from "../db/write.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { requireEtag } from "../versions/etag.ts";
import { replaceLinks } from "./links.ts";
import { requireReferences } from "./references.ts";
import { requireOwned, ruledParent } from "./relation.ts";
import { dropOfLeaving } from "./remove.ts";
import { resourceField } from "./resource-fields.ts";
import { etagColumn, etagOf, type StoredRow, toMessage } from "./row.ts";
import { changedSecrets, plainSecrets } from "./secrets.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";
import { lockedRow, locksOf, requireLive, rootIn, storedById } from "./stored.ts";
import { changedValues, type Resource, sharersIn, type Values } from "./values.ts";

/** Refuses another value of a field that never changes; the value that it has may be named. */
const requireSame = ({ label }: Kind, { name }: Column, before: unknown, after: unknown): void => {
  if (isDeepStrictEqual(before, after)) return;
  throw failedPrecondition("IMMUTABLE_FIELD", `The ${name} of ${withArticle(label)} can't be changed.`);
};

/** The values that a resource does not have yet: what it has may refer to what has been deleted since. */
const added = (row: StoredRow, { columns, links }: Values): Values => ({
  columns: new Map([...columns].filter(([{ name }, value]) => !isDeepStrictEqual(row[name], value))),
  links: new Map(
    [...links].map(([link, ids]) => {
      const before = new Set(row[link.name] as readonly string[]);
      return [link, ids.filter((id) => !before.has(String(id)))] as const;
    }),
  ),
});

/** The organizations that share a resource, and are not to share it any more. */
const leaving = (row: StoredRow, values: Values): readonly bigint[] => {
  const staying = sharersIn(values);
  if (staying.length === 0) return [];
  return (row[ORGANIZATION_IDS] as readonly string[]).map(BigInt).filter((id) => !staying.includes(id));
};

/** Writes what differs; equal values write nothing. `secrets` are encrypted values that differ. */
const change = async (tx: Tx, kind: Kind, row: StoredRow, { columns, links }: Values, secrets: object): Promise<void> => {
  const changes = { ...Object.fromEntries([...columns].map(([{ field }, value]) => [field.localName, value])), ...secrets };
  const etag = etagColumn(kind);
  const after = (await changeEntity(tx, tx.kinds.entityOf(kind), row, changes)) as Readonly<Record<string, unknown>>;
  let isLinked = false;
  for (const [link, ids] of links) isLinked = (await replaceLinks(tx, kind, link, row, ids)) || isLinked;
  // A link is a row of another table, and part of this resource all the same.
  if (!isLinked || after[etag] !== row[etag]) return;
  await tx.rows(sql`update ${sql.table(kind.table)} set ${sql.ref(etag)} = ${sql.ref(etag)} + 1 where id = ${row.id}`);
};

/** UpdateX: changes only those fields of a resource that the update mask names. */
export const updateResource: StandardMethod = ({ write, vault }, kind, method) => {
  const field = resourceField(kind);
  // Services that are older than kinds ignore what never changes.
  const isStrict = declaredReasons(method).call.has("IMMUTABLE_FIELD");
  return (call, request) => {
    const { updateMask, ...rest } = fieldsOf<{ updateMask?: FieldMask }>(request);
    const resource = (rest as Record<string, unknown>)[field] as (Resource & { readonly id: bigint; readonly etag: string }) | undefined;
    if (resource === undefined) throw invalidField(kind.name, "is required");
    const { id, etag } = resource;
    const fields = maskedFields(kind.message, resource, updateMask);
    const isGiven = (column: Column) => !column.isImmutable || (resource[column.field.localName] ?? 0n) !== 0n;
    // What never changes and has no value in the request is not spoken of, whatever the mask says.
    const spoken = new Set(kind.columns.filter(isGiven).map((column) => column.field.localName));
    const isLink = (name: string) => kind.links.some((link) => link.field.localName === name);
    const asked = changedValues(kind, resource, (name) => fields.has(name) && (spoken.has(name) || isLink(name)));
    // Who sends back what it has read has no secrets to send: "*" alone does not clear them.
    const isTold = ({ name, field: { localName } }: Secret) =>
      resource[localName] !== undefined || updateMask?.paths.includes(name) === true;
    const secrets = plainSecrets(kind, resource, (secret) => fields.has(secret.field.localName) && isTold(secret));
    const immutable = [...asked.columns].filter(([{ isImmutable }]) => isImmutable && isStrict);
    const values: Values = { ...asked, columns: new Map([...asked.columns].filter(([{ isImmutable }]) => !isImmutable)) };
    return write(call, { method, request, aggregates: locksOf(kind, id, sharersIn(values)) }, async (tx) => {
      const row = await lockedRow(tx, kind, id);
      requireLive(kind, row);
      requireEtag(etag, etagOf(kind, row), kind.label);
      for (const [column, value] of immutable) requireSame(kind, column, row[column.name], value);
      const more = added(row, values);
      const sharers = sharersIn(more);
      if (sharers.length > 0)
        await requireOwned(tx, kind, ruledParent(kind, 0n, sharers), () => referenceNotFound(`${kind.name}.${ORGANIZATION_IDS}`));
      await requireReferences(tx, kind, more, rootIn(kind, row));
      const left = leaving(row, values);
      if (left.length > 0) await dropOfLeaving(tx, kind, id, left);
      await change(tx, kind, row, values, await changedSecrets(tx, vault, kind, id, secrets));
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};
