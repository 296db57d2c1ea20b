import { ORGANIZATION_ID, PROJECT } from "../../contract/kinds/kind.ts";
import { type ImportedKind, importedKinds } from "../kinds/staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { run } from "./rows.ts";

/** Returns statements that select the shared resources that the file can change: by id, and by the key under which the import finds them. */
const sharedOf = ({ kind: { table, keys }, staging }: ImportedKind): readonly string[] => {
  const same = keys[0]?.columns.map(({ name }) => `t.${name} = s.${name}`) ?? [];
  return [`select pk from ${staging.name}`, `select t.id from ${table} t join ${staging.name} s on ${same.join(" and ")}`];
};

/** Returns statements that select the organizations of the resources that the file can change. */
const organizationsOf = (one: ImportedKind): readonly string[] => {
  const { kind, staging, links } = one;
  const { sharedBy, table, name, parent } = kind;
  if (sharedBy !== undefined)
    return [
      `select organization_id from ${sharedBy} where ${name}_id in (${sharedOf(one).join(" union all ")})`,
      ...links.map((linked) => `select ${linked.link.column}_pk from ${linked.staging.name}`),
    ];
  const { reference } = parent;
  return [
    // Projects of the file can have other ids here.
    ...(parent.reference?.to.name === PROJECT ? ["select organization_pk from import_project"] : []),
    `select organization_id from ${table} where id in (select pk from ${staging.name})`,
    parent.name === ORGANIZATION_ID || reference === undefined
      ? `select ${parent.name}_pk from ${staging.name}`
      : `select organization_id from ${reference.to.table} where id in (select ${parent.name}_pk from ${staging.name})`,
  ];
};

const lock = (tx: ImportTx, aggregate: string, ids: readonly string[]) =>
  run(
    tx,
    `insert into aggregate_version as s (kind, id, version, xid)
      select distinct '${aggregate}', id, 0, '0'::xid8 from (${ids.join(" union all ")}) touched (id) where id > 0 order by id
      -- Never true, but the row is locked before that is seen.
      on conflict (kind, id) do update set version = s.version where false`,
  );

/**
 * Locks the versions of the resources that the file can change: one version for all resources of an organization, and one for each shared
 * resource. Call it after the versions of users are locked, the order in which every write locks.
 */
export const lockKinds = async (tx: ImportTx): Promise<void> => {
  const given = importedKinds.filter(({ staging }) => isGiven(tx, staging));
  if (given.length === 0) return;
  const remembered = `select v.id from import_origin o join import_organization s on s.pk = o.pk
    join aggregate_version v on v.kind = 'kinds:organization' and v.id = o.id where o.kind = 'organization'`;
  await lock(tx, "kinds:organization", ["select pk from import_organization", remembered, ...given.flatMap(organizationsOf)]);
  const shared = given.filter(({ kind }) => kind.sharedBy !== undefined);
  if (shared.length > 0) await lock(tx, "kinds:shared", shared.flatMap(sharedOf));
};
