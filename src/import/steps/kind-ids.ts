import { sql } from "kysely";
import { type Kind, ORGANIZATION_ID } from "../../contract/kinds/kind.ts";
import { furtherKeys, type ImportedKind, importedKinds, isReferring } from "../kinds/staging.ts";
import { addGiven, isGiven } from "../staging.ts";
import { type ImportTx, isForeign } from "../transaction.ts";
import { conflicts } from "./conflict-table.ts";
import { takeParts } from "./kind-parts.ts";
import { findReferred, placeOf, skipUnreferred } from "./kind-references.ts";
import { freshIds, run } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";
import { skipPurged } from "./stands.ts";

/** Returns the columns that identify a resource besides its id: those of the kind's first key, or the parent if the kind has no key. */
export const identityOf = ({ keys: [key], parent }: Kind): readonly string[] => key?.columns.map(({ name }) => name) ?? [parent.name];

/** The condition that the rows `a` and `b` have the same key. Without a key they are the same if id and parent are. */
const isSame = (kind: Kind, a: string, b: string): string => {
  const same = identityOf(kind).map((name) => `${b}.${name} = ${a}.${name}`);
  return [...same, ...(kind.keys.length === 0 ? [`${b}.id = ${a}.pk`] : [])].join(" and ");
};

/** The expression for what a row is called: the last column of its key; without one, what it is a part of. */
const nameOf = ({ keys: [key], parent }: Kind, alias: string): string => {
  const last = key?.columns.at(-1);
  return last === undefined ? `'${parent.reference?.to.name} ' || ${alias}.${parent.name}` : `${alias}.${last.name}::text`;
};

/** The expression for the hash of what a row is called. */
const hashOf = (kind: Kind, alias: string): string => `encode(sha256(convert_to(${nameOf(kind, alias)}, 'UTF8')), 'hex')`;

/** Finds what an earlier import stored under another id. */
const recall = (tx: ImportTx, { kind, staging }: ImportedKind) => {
  const same = identityOf(kind).map((name) => `t.${name} = s.${name}`);
  return run(
    tx,
    `update ${staging.name} s set id = t.id from import_origin o join ${kind.table} t on t.id = o.id
      where o.kind = '${kind.name}' and o.pk = s.pk and o.name_hash = ${hashOf(kind, "s")} and ${same.join(" and ")}`,
  );
};

/** Lists conflicts: records whose id and key find different resources here. */
const compare = async (tx: ImportTx, { kind, staging }: ImportedKind): Promise<void> => {
  const found = await tx.affected(
    sql.raw(`insert into import_conflict (model, record, pk, kind, name, name_here, id_here)
      select i.model, i.record, i.pk, '${kind.name}', ${nameOf(kind, "i")}, ${nameOf(kind, "by_id")}, by_key.id
      from ${staging.name} i left join ${kind.table} by_id on by_id.id = i.pk left join ${kind.table} by_key on ${isSame(kind, "i", "by_key")}
      where i.id is null and by_id.id is distinct from by_key.id
        -- What is part of a conflict is none of its own.
        ${kind.ancestors.length > 0 ? `and i.${kind.parent.name} > 0` : ""}`),
  );
  addGiven(tx, conflicts, found);
};

/** Sets the organization of rows that belong to it by their parent. */
const findOrganizations = async (tx: ImportTx, { kind, staging }: ImportedKind): Promise<void> => {
  const { name, reference } = kind.parent;
  if (name === ORGANIZATION_ID || reference === undefined) return;
  const from = (table: string) =>
    run(
      tx,
      `update ${staging.name} t set organization_id = p.organization_id from ${table} p where t.organization_id is null and p.id = t.${name}`,
    );
  await from(reference.to.table);
  if (tx.given.has(`import_${reference.to.name}`)) await from(`import_${reference.to.name}`);
};

const settle = async (tx: ImportTx, one: ImportedKind): Promise<void> => {
  const { kind, staging, columns } = one;
  const set = (id: string, which: string) => run(tx, `update ${staging.name} t set id = ${id} where t.id is null and ${which}`);
  const isConflict = `exists (select from import_conflict c where c.record = t.record and c.kind = '${kind.name}')`;
  await takeParts(tx, one);
  const identity = identityOf(kind);
  for (const column of columns.filter(isReferring).filter(({ name }) => identity.includes(name) || name === kind.parent.name)) {
    await findReferred(tx, placeOf(one, column));
    await skipUnreferred(tx, placeOf(one, column));
  }
  await findOrganizations(tx, one);
  for (const key of [...kind.keys.slice(0, 1), ...furtherKeys(kind)]) {
    const names = key.columns.map(({ name }) => name).join(", ");
    await skipRepeated(tx, staging, `another record of the file has its ${key.name}`, names, "pk");
  }
  await recall(tx, one);
  await skipPurged(tx, staging);
  await compare(tx, one);
  if (tx.onConflict === "skip") await skip(tx, staging, "a conflict: its id or name belongs to another one here", isConflict);
  await set("t.pk", `exists (select from ${kind.table} x where x.id = t.pk) and not ${isConflict}`);
  // What has the key here is the same one, under another id.
  if (isForeign(tx))
    await set(`(select c.id_here from import_conflict c where c.record = t.record and c.kind = '${kind.name}')`, isConflict);
  await skipRepeated(tx, staging, "another record of the file is the same one here", "id", "pk");
  // The import stops: this tells it apart from all that is here, and draws no id.
  if (tx.onConflict === "fail") await set("-t.record", isConflict);
  await set("t.pk", `t.pk > 0 and not ${isConflict}`);
  await freshIds(tx, staging);
};

/**
 * Sets the id of each imported resource: the id of the same resource in the database (same id and key, or only the same key if `isForeign`),
 * else the id in the file if it is free, else a new id. Treats conflicts as `tx.onConflict` says.
 */
export const settleKinds = async (tx: ImportTx): Promise<void> => {
  for (const one of importedKinds) if (isGiven(tx, one.staging)) await settle(tx, one);
};

/** Stores the database id of each resource whose id differs between file and database, so that later imports find the resource. */
export const rememberKinds = async (tx: ImportTx): Promise<void> => {
  for (const { kind, staging } of importedKinds) {
    if (!isGiven(tx, staging)) continue;
    await run(
      tx,
      `insert into import_origin as o (kind, pk, name_hash, id)
        select distinct on (pk) '${kind.name}', pk, ${hashOf(kind, "s")}, id from ${staging.name} s where id <> pk order by pk, record
        on conflict (kind, pk, name_hash) do update set id = excluded.id where o.id <> excluded.id`,
    );
  }
};
