import { sql } from "kysely";
import { usernameFault } from "../../names/precis.ts";
import { addressFault } from "../../names/rules.ts";
import { users } from "../readers/user-staging.ts";
import type { ImportTx } from "../transaction.ts";
import type { Kind } from "./kinds.ts";
import { skip } from "./skip.ts";

/** Room for a hyphen and a number. */
const SUFFIX_LENGTH = 11;

/** Notes usernames that CreateUser would refuse (names/precis.ts). They stay: their owners sign in by them. Plain ones are not read. */
const noteUnusual = async (tx: ImportTx): Promise<void> => {
  const rows = await tx.rows(sql<{ model: string; record: bigint; pk: bigint; username: string }>`
    select model, record, pk, username from import_user where username ~ '[^!-~]'`);
  const unusual = rows.filter(({ username }) => usernameFault(username) !== undefined && addressFault(username) !== undefined);
  if (unusual.length === 0) return;
  await tx.rows(sql`
    insert into import_note (model, record, pk, reason, about)
    select model, record::bigint, pk::bigint, 'kept: CreateUser would refuse the username (docs/names.md)', 'user ' || pk
    from unnest(${unusual.map(({ model }) => model)}::text[], ${unusual.map(({ record }) => String(record))}::text[],
      ${unusual.map(({ pk }) => String(pk))}::text[]) as t (model, record, pk)`);
};

/** The rows that give way: an id means that the record is here, and keeps its name; a conflict that stops the import is not renamed. */
const giveWay = ({ noun, staging, name, maxLength, isWithin }: Kind): string => {
  const within = isWithin ? "organization_id, " : "";
  // A slug is cut for its suffix. A username is not: folded and as it is written, it would not be cut at the same place.
  const stem = noun === "user" ? `i.${name}` : `left(i.${name}, ${maxLength - SUFFIX_LENGTH})`;
  const isElsewhere = `x.${name} = i.${name} and x.id is distinct from i.id ${isWithin ? "and x.organization_id = i.organization_id" : ""}`;
  return `
    ranked as (
      select i.ctid as place, i.*, ${stem} as stem,
        row_number() over same_name as position,
        first_value(i.pk) over same_name as first_pk,
        (select x.id from ${staging.table} x where ${isElsewhere} limit 1) as holder
      from ${staging.name} i window same_name as (partition by ${within}i.${name} order by (i.id is null), i.pk, i.record)
    ), placed as (
      select *, coalesce(holder, first_pk) as keeper, row_number() over (partition by ${within}stem order by pk, record) as turn
      from ranked where id is null and (position > 1 or holder is not null)
    )`;
};

/**
 * Renames records whose name is taken: adds the first free suffix, as in `ann-2`. The record in the database keeps a taken name, else the record
 * of the file with the lowest pk.
 */
export const suffixNames = async (tx: ImportTx, kind: Kind): Promise<void> => {
  const { noun, staging, name, renamed, maxLength, isWithin } = kind;
  const same = (alias: string) => (isWithin ? `and ${alias}.organization_id = p.organization_id` : "");
  const named = (alias: string) => `exists (select from ${alias} x where x.${name} = p.stem || '-' || n ${same("x")})`;
  // '.' follows '-': these are the names that begin with this one and a hyphen.
  const taken = (alias: string) =>
    `(select count(*) from ${alias} x where x.${name} >= p.stem || '-' and x.${name} < p.stem || '.' ${same("x")})`;
  const within = isWithin ? "organization_id, " : "";
  const what = noun === "user" ? "username" : "slug";
  const cut = (column: string) => (noun === "user" ? `i.${column}` : `left(i.${column}, ${maxLength - SUFFIX_LENGTH})`);
  await tx.rows(
    sql.raw(`
    with ${giveWay(kind)}, stems as (
      select ${within}stem, max(turn) as turns from placed group by ${within}stem
    ), free as (
      select ${within}stem, array_agg(n order by n) as numbers
      from stems p, generate_series(2, p.turns + 1 + ${taken(staging.table)} + ${taken(staging.name)}) n
      where not ${named(staging.table)} and not ${named(staging.name)} group by ${within}stem
    ), suffixed as (
      select p.place, p.keeper, '-' || f.numbers[p.turn] as suffix from placed p join free f using (${within}stem)
    ), renamed as (
      update ${staging.name} i set ${renamed.map((column) => `${column} = ${cut(column)} || s.suffix`).join(", ")}
      from suffixed s where i.ctid = s.place
      returning i.model, i.record, i.pk, s.suffix, s.keeper
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'renamed: another ${noun} has its ${what}',
      format('${noun} %s got the suffix %s, since ${noun} %s has the name', pk, suffix, keeper) from renamed`),
  );
  if (noun !== "user") return;
  await noteUnusual(tx);
  await skip(tx, users, "another user has its username, which is too long for a suffix", `length(t.username) > ${maxLength}`);
};
