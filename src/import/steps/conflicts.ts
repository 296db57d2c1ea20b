import { sql } from "kysely";
import { OWN_MODEL } from "../formats/own-line.ts";
import { sqlHasKey, sqlIsUuid, sqlKey } from "../keys.ts";
import { importedKinds } from "../kinds/staging.ts";
import { accounts } from "../readers/account-staging.ts";
import type { Conflict, Remapped } from "../report.ts";
import { addGiven, isGiven } from "../staging.ts";
import type { Ids, ImportTx } from "../transaction.ts";
import { conflicts } from "./conflict-table.ts";
import { type Kind, kinds } from "./kinds.ts";
import { resolveOrganizations } from "./references.ts";
import { freshIds, run } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";
import { skipPurged } from "./stands.ts";
import { suffixNames } from "./suffixes.ts";

const hashOf = (name: string): string => `encode(sha256(convert_to(${name}, 'UTF8')), 'hex')`;

/**
 * Finds users whose key in the file is their external id here. A UUID is unique; any other key may be another user's in another
 * installation, and so the names have to be the same, too.
 */
const recallExternal = async (tx: ImportTx): Promise<void> => {
  if (tx.ids === "keep") return;
  await run(
    tx,
    `with found as (
      update import_user s set id = t.id, username = t.username, username_canonical = t.username_canonical from users t
      where s.id is null and t.external_id = s.external_id and (${sqlIsUuid("s.pk")} or t.username_canonical = s.username_canonical)
      returning s.model, s.record, s.pk, s.username_canonical, s.origin_name
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'has another username here, which stays', format('user %s', pk) from found
    where username_canonical <> origin_name`,
  );
};

/** Leaves an external id to one user: the one who has it here, else the first of the file. */
const settleExternal = (tx: ImportTx) =>
  run(
    tx,
    `with lost as (
      update import_user s set external_id = null, absent = s.absent || '{external_id}'::text[]
      where s.external_id is not null and (
        exists (select from users t where t.external_id = s.external_id and t.id <> s.id)
        or exists (select from import_user o where o.external_id = s.external_id and o.record < s.record))
      returning s.model, s.record, s.pk
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'its external id is that of another user, who keeps it', format('user %s', pk) from lost`,
  );

/** Finds what an earlier import stored under another id or name: the record had the same pk and name in its file. */
const recall = async (tx: ImportTx, { noun, staging, name, renamed, isWithin }: Kind): Promise<void> => {
  const within = isWithin ? "and t.organization_id = s.organization_id" : "";
  const become = `update ${staging.name} s set id = t.id, ${renamed.map((column) => `${column} = t.${column}`).join(", ")}`;
  await run(
    tx,
    `${become} from import_origin o join ${staging.table} t on t.id = o.id
      where o.kind = '${noun}' and o.pk = s.pk and (s.model <> '${OWN_MODEL}' or ${sqlHasKey("s.pk")}) and o.name_hash = ${hashOf(`s.${name}`)} ${within}`,
  );
  // Before there were origins a suffix was all that told such a record: of a name that the file holds more than once.
  await run(
    tx,
    `${become} from ${staging.table} t
      where s.id is null and t.id = s.pk ${within} and starts_with(t.${name}, s.${name})
        and substr(t.${name}, length(s.${name}) + 1) ~ '^-[0-9]{1,9}$'
        and exists (select from ${staging.name} o where o.origin_name = s.${name} and o.record <> s.record)`,
  );
  await run(
    tx,
    `insert into import_note (model, record, pk, reason, about)
      select model, record, pk, 'renamed by an earlier import, and stays so', format('${noun} %s', pk) from ${staging.name}
      where id is not null and ${name} <> origin_name`,
  );
};

/** Lists conflicts: records whose id and name find different records here, unless the one of the name is another record of the file. */
const compare = ({ noun, staging, name, renamed, isWithin }: Kind, ids: Ids): string => {
  const [shown] = renamed;
  const within = (alias: string) => (isWithin ? `and ${alias}.organization_id = i.organization_id` : "");
  return `
  insert into import_conflict (model, record, pk, kind, name, canonical, name_here, id_here)
  select i.model, i.record, i.pk, '${noun}', i.${shown}, ${noun === "user" ? "i.natural_canonical" : "null"}, by_id.${shown}, by_name.id
  from ${staging.name} i
    left join ${staging.table} by_id on ${noun === "user" && ids === "new" ? "by_id.external_id = i.external_id" : "by_id.id = i.pk"}
    left join ${staging.table} by_name on by_name.${name} = i.${name} ${within("by_name")}
      and not exists (
        select from ${staging.name} o
        where o.${name} = i.${name} and o.record <> i.record and coalesce(o.id, o.pk) = by_name.id and i.pk <> by_name.id)
  where i.id is null and (by_id.id is distinct from by_name.id)`;
};

const isConflict = ({ noun }: Kind) => `exists (select from import_conflict c where c.record = t.record and c.kind = '${noun}')`;

/** With `merge` a user of the file joins the account that has its username here. */
const join = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`
    with joined as (
      update import_user t set id = c.id_here, is_joined = true from import_conflict c
      where c.kind = 'user' and c.record = t.record and c.id_here is not null
      returning t.model, t.record, t.pk, t.id
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'joined the account of its name here, which keeps its password, addresses, flags and all that it says of itself',
      format('user %s is user %s here', pk, id) from joined`);
};

const settleKind = async (tx: ImportTx, kind: Kind): Promise<void> => {
  const { noun, staging, name, isWithin } = kind;
  const set = (id: string, which: string) => run(tx, `update ${staging.name} t set id = ${id} where t.id is null and ${which}`);
  if (isWithin) await resolveOrganizations(tx, staging);
  await run(tx, `update ${staging.name} set origin_name = ${name}`);
  await recall(tx, kind);
  if (noun === "user") await recallExternal(tx);
  await skipPurged(tx, staging);
  addGiven(tx, conflicts, await tx.affected(sql.raw(compare(kind, tx.ids))));
  if (tx.onConflict === "skip") await skip(tx, staging, "a conflict: its id or name belongs to another one here", isConflict(kind));
  if (tx.onConflict === "merge" && noun === "user") await join(tx);
  await set("t.pk", `exists (select from ${staging.table} x where x.id = t.pk) and not ${isConflict(kind)}`);
  await skipRepeated(tx, staging, "another record of the file is the same one here", "id", "pk");
  // The import stops: this tells it apart from all that is here, and draws no id.
  if (tx.onConflict === "fail") await set("-t.record", isConflict(kind));
  await suffixNames(tx, kind);
  await set("t.pk", `t.pk > 0 and not ${isConflict(kind)}`);
  await freshIds(tx, staging);
  if (noun === "user") await settleExternal(tx);
};

/**
 * Gives ids to the users, organizations, projects and teams of the file: the id of the same record in the database, else the id in the file if
 * it is free, else a new one. Treats conflicts as `tx.onConflict` says.
 */
export const settleIds = async (tx: ImportTx): Promise<void> => {
  for (const kind of kinds) if (isGiven(tx, kind.staging)) await settleKind(tx, kind);
};

/** Stores the database id of each record whose id or name differs between file and database, so that later imports find the record. */
export const rememberOrigins = async (tx: ImportTx): Promise<void> => {
  for (const { noun, staging, name } of kinds.filter((kind) => isGiven(tx, kind.staging))) {
    await run(
      tx,
      `insert into import_origin as o (kind, pk, name_hash, id)
        select distinct on (pk, origin_name) '${noun}', pk, ${hashOf("origin_name")}, id from ${staging.name}
        where (id <> pk or ${name} <> origin_name) ${noun === "user" ? "and not is_joined" : ""} order by pk, origin_name, record
        on conflict (kind, pk, name_hash) do update set id = excluded.id where o.id <> excluded.id`,
    );
  }
};

/** Returns the conflicts that the import has found, in the order of the file. */
export const listConflicts = async (tx: ImportTx): Promise<Conflict[]> => {
  const rows = await tx.rows(sql<Conflict>`
    select kind, model, record::int as record, case when ${sql.raw(sqlHasKey("pk"))} then ${sql.raw(sqlKey("pk"))} end as pk, name, name_here as "nameHere", id_here::text as "idHere"
    from import_conflict order by import_conflict.record`);
  return rows;
};

/** Returns the records that have another id in the database than in the file. */
export const remappedIds = async (tx: ImportTx): Promise<Remapped[]> => {
  const remapped: Remapped[] = [];
  const all = [
    ...kinds,
    { noun: "account", staging: accounts },
    ...importedKinds.map(({ kind, staging }) => ({ noun: kind.name, staging })),
  ];
  for (const { noun, staging } of all) {
    if (!isGiven(tx, staging)) continue;
    const rows = await tx.rows(sql<Remapped>`
      select ${noun}::text as kind, ${sql.raw(sqlKey("t.pk"))} as pk, id::text as id from ${sql.table(staging.name)} as t
      where id <> t.pk and ${sql.raw(sqlHasKey("t.pk"))} order by t.pk`);
    for (const row of rows) remapped.push(row);
  }
  return remapped;
};
