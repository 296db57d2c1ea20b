import { type Column, ORGANIZATION_ID } from "../../contract/kinds/kind.ts";
import { type ImportedKind, type ImportedLink, importedKinds, isReferring } from "../kinds/staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { settleActors } from "./kind-parts.ts";
import { clearUnrelated, findReferred, placeOf, skipUnreferred, skipUnrelated } from "./kind-references.ts";
import { insertRows, keepAbsent, matchRows, mergeRows, run, updateRows } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

/** What a new row gets, in SQL, when the file leaves a column out. */
const defaultOf = ({ name, defaultValue }: Column): string => {
  if (name === "create_time") return "now()";
  if (defaultValue === null) return "null";
  return typeof defaultValue === "string" ? `'${defaultValue}'` : String(defaultValue);
};

const targetOf = ({ kind, columns, staging }: ImportedKind): Target => {
  const key = [...new Set([ORGANIZATION_ID, kind.parent.name])];
  const others = columns.filter(({ name }) => !key.includes(name));
  return {
    staging,
    key,
    columns: Object.fromEntries(others.map((column) => [column.name, defaultOf(column)])),
    stamps: { etag: "t.etag + 1" },
  };
};

/** Skips rows with a further key of the kind that another resource has here. */
const skipTaken = async (tx: ImportTx, { kind, staging }: ImportedKind): Promise<void> => {
  for (const key of kind.keys.slice(1)) {
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
  await run(
    tx,
    `update ${staging.name} set absent = absent || array(select left(name, -3) from unnest(absent) name where name = any('{${named.join(",")}}'))
      where absent && '{${named.join(",")}}'`,
  );
};

const mergeLink = async (tx: ImportTx, { kind, staging: resources }: ImportedKind, { link, staging }: ImportedLink): Promise<void> => {
  if (!isGiven(tx, staging)) return;
  const own = `${kind.name}_id`;
  const place = { staging, name: link.column, to: link.to, isNamed: false, hasActor: false };
  await run(
    tx,
    `update ${staging.name} t set ${own} = p.id, organization_id = p.organization_id from ${resources.name} p where p.pk = t.${own}_pk`,
  );
  await skip(tx, staging, `its ${kind.label} is not in the file, or was skipped`, `t.${own} is null`);
  await findReferred(tx, place);
  await skipUnreferred(tx, place);
  await skipUnrelated(tx, place);
  const key = [ORGANIZATION_ID, own, link.column];
  await skipRepeated(tx, staging, "it comes twice: the highest pk stands", key.join(", "), "pk desc nulls last");
  await mergeRows(tx, { staging, key, columns: {} });
  await run(
    tx,
    `update ${kind.table} t set etag = etag + 1 from ${resources.name} s where s.id = t.id and s.outcome = 'unchanged'
      and exists (select from ${staging.name} l where l.${own} = t.id and l.outcome is null)`,
  );
};

/** Writes the resources of kinds and their repeated references, each kind after those that it refers to. */
export const mergeKinds = async (tx: ImportTx): Promise<void> => {
  await settleActors(tx);
  for (const one of importedKinds) {
    const { staging } = one;
    if (isGiven(tx, staging)) {
      const target = targetOf(one);
      await resolveReferences(tx, one);
      await skipTaken(tx, one);
      await keepAbsent(tx, target, "t.id = s.id");
      await matchRows(tx, target, "t.id = s.id");
      await updateRows(tx, target);
      await insertRows(tx, target);
    }
    for (const link of one.links) await mergeLink(tx, one, link);
  }
};

const list = (all: readonly string[]): string => all.join(" union all ");

/** Returns the statement that selects the organizations of all resources that the file can change. */
const organizationsOf = ({ kind, staging }: ImportedKind): readonly string[] => {
  const { name, reference } = kind.parent;
  const isOfOrganization = name === ORGANIZATION_ID || reference === undefined;
  return [
    `select organization_id from ${kind.table} t where id in (select pk from ${staging.name})`,
    isOfOrganization
      ? `select ${name}_pk from ${staging.name}`
      : `select organization_id from ${reference.to.table} where id in (select ${name}_pk from ${staging.name})`,
  ];
};

/** Locks the kinds of all organizations that the file can change resources of, in ascending order and after users, as writes do. */
export const lockKinds = async (tx: ImportTx): Promise<void> => {
  const given = importedKinds.filter(({ staging }) => isGiven(tx, staging));
  if (given.length === 0) return;
  await run(
    tx,
    `insert into aggregate_version as s (kind, id, version, xid)
      select distinct 'kinds:organization', id, 0, '0'::xid8 from (
        ${list(given.flatMap(organizationsOf))}
        union all select v.id from import_origin o join import_organization s on s.pk = o.pk
          join aggregate_version v on v.kind = 'kinds:organization' and v.id = o.id where o.kind = 'organization'
      ) touched (id) where id > 0 order by id
      on conflict (kind, id) do update set version = s.version where false`,
  );
};
