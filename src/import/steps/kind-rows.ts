import { type Column, ORGANIZATION_ID, tokenOf } from "../../contract/kinds/kind.ts";
import { furtherKeys, type ImportedKind, importedKinds, isReferring } from "../kinds/staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { identityOf } from "./kind-ids.ts";
import { resolveLink, storeLink } from "./kind-links.ts";
import { settleActors } from "./kind-parts.ts";
import { clearUnrelated, findReferred, placeOf, skipUnreferred, skipUnrelated } from "./kind-references.ts";
import { insertRows, keepAbsent, matchRows, run, updateRows } from "./rows.ts";
import { skip } from "./skip.ts";
import { sqlAbout, sqlDiffering } from "./stands.ts";
import type { Target } from "./target.ts";

/** What a new row gets, in SQL, when the file leaves a column out. */
const defaultOf = ({ name, isUuid, defaultValue }: Column): string => {
  if (isUuid) return "gen_random_uuid()::text";
  if (name === "create_time") return "now()";
  if (defaultValue === null) return "null";
  return typeof defaultValue === "string" ? `'${defaultValue}'` : String(defaultValue);
};

const targetOf = ({ kind, columns, staging }: ImportedKind): Target => {
  const key = kind.sharedBy === undefined ? [...new Set([ORGANIZATION_ID, kind.parent.name])] : [];
  const others = columns.filter(({ name }) => !key.includes(name));
  return {
    staging,
    key,
    columns: Object.fromEntries(others.map((column) => [column.name, defaultOf(column)])),
    stamps: { etag: "t.etag + 1" },
  };
};

/** Makes what never changes stay as it is here, and notes each row of which the file says something else. */
const keepImmutable = async (tx: ImportTx, { kind, columns, staging }: ImportedKind, target: Target): Promise<void> => {
  const identity = identityOf(kind);
  const names = columns
    .filter(({ name, isImmutable }) => isImmutable && name in target.columns && !identity.includes(name))
    .map(({ name }) => name);
  if (names.length === 0) return;
  await run(
    tx,
    `with differing as materialized (
      select s.ctid as place, array(select name from unnest(${sqlDiffering(names)}) name where name <> all(s.absent)) as columns
      from ${staging.name} s join ${kind.table} t on t.id = s.id
    ), kept as (
      update ${staging.name} s set absent = s.absent || d.columns from differing d where s.ctid = d.place and d.columns <> '{}'
      returning s.model, s.record, s.pk, d.columns
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'it never changes, and stays as it is here', ${sqlAbout("array_to_string(columns, ', ')")} from kept`,
  );
};

/** Keeps the time when a token was used last, if it is later here than in the file: no change of it is logged. */
const keepLastUsed = async (tx: ImportTx, { kind, columns, staging }: ImportedKind): Promise<void> => {
  const column = tokenOf(kind)?.token.lastUsed;
  if (column === undefined || !columns.includes(column)) return;
  const { name } = column;
  await run(tx, `update ${staging.name} s set ${name} = t.${name} from ${kind.table} t where t.id = s.id and t.${name} > s.${name}`);
};

/** Skips rows with a further key of the kind that another resource has here. */
const skipTaken = async (tx: ImportTx, { kind, staging }: ImportedKind): Promise<void> => {
  for (const key of furtherKeys(kind)) {
    const same = key.columns.map(({ name }) => `x.${name} = t.${name}`).join(" and ");
    await skip(tx, staging, `another one here has its ${key.name}`, `exists (select from ${kind.table} x where ${same} and x.id <> t.id)`);
  }
};

const resolveReferences = async (tx: ImportTx, one: ImportedKind): Promise<void> => {
  const { kind, columns, staging } = one;
  for (const column of columns.filter(isReferring)) {
    const place = placeOf(one, column);
    if (column === kind.parent) {
      await skip(
        tx,
        staging,
        `its ${place.to.name.replaceAll("_", " ")} was skipped`,
        `not exists (select from ${place.to.table} r where r.id = t.${column.name})`,
      );
      continue;
    }
    await findReferred(tx, place);
    if (column.isNullable) await clearUnrelated(tx, place);
    else {
      await skipUnreferred(tx, place);
      await skipUnrelated(tx, place);
    }
  }
  const named = columns.filter(isReferring).map(({ name }) => `${name}_pk`);
  if (named.length === 0) return;
  await run(
    tx,
    `update ${staging.name} set absent = absent || array(select left(name, -3) from unnest(absent) name where name = any('{${named.join(",")}}'))
      where absent && '{${named.join(",")}}'`,
  );
};

/** Skips rows with several values of a choice, of which some may be those here. */
const skipUndecided = async (tx: ImportTx, { kind, staging }: ImportedKind): Promise<void> => {
  for (const { columns } of kind.choices) {
    const names = columns.map(({ name }) => name);
    await skip(
      tx,
      staging,
      `it has more than one of ${names.join(", ")}, or would have with what is here`,
      `num_nonnulls(${names.map((name) => `t.${name}`).join(", ")}) > 1`,
    );
  }
};

/** Writes the resources of kinds and their repeated references, each kind after the kinds that its resources refer to. */
export const mergeKinds = async (tx: ImportTx): Promise<void> => {
  await settleActors(tx);
  for (const one of importedKinds) {
    const target = isGiven(tx, one.staging) ? targetOf(one) : undefined;
    if (target !== undefined) {
      await resolveReferences(tx, one);
      await keepImmutable(tx, one, target);
      await keepLastUsed(tx, one);
      await keepAbsent(tx, target, "t.id = s.id");
      await skipTaken(tx, one);
      await matchRows(tx, target, "t.id = s.id");
      await skipUndecided(tx, one);
    }
    for (const link of one.links) await resolveLink(tx, one, link);
    if (target !== undefined) {
      await updateRows(tx, target);
      await insertRows(tx, target);
    }
    for (const link of one.links) await storeLink(tx, one, link);
  }
};
