import { sql } from "kysely";
import { type IdList, idLists } from "../ids-in-values.ts";
import { sqlShifted } from "../keys.ts";
import { isGiven, type StagingTable } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { kinds } from "./kinds.ts";
import { modelsOf } from "./references.ts";
import { sqlAbout } from "./stands.ts";

/** Takes out the ids of skipped records, which may be others' here. Ids that are not in the file stay, and are noted if unknown here. */
const replace = async (tx: ImportTx, { key, staging, of }: IdList): Promise<void> => {
  const kind = kinds.find(({ noun }) => noun === of);
  if (kind === undefined) throw new Error(`there is no kind ${of}`);
  const integer = "l.text::bigint";
  const about = sqlAbout("string_agg(text, ', ' order by position)");
  await tx.rows(
    sql.raw(`
    with listed as materialized (
      select t.ctid as place, t.model, t.record, t.pk, e.member, e.position, case when jsonb_typeof(e.member) in ('number', 'string') then e.member #>> '{}' end as text
      from ${staging.name} t
        cross join lateral jsonb_array_elements(case when jsonb_typeof(t.value) = 'array' then t.value else '[]' end) with ordinality as e (member, position)
      where t.key = '${key}'
    ), named as materialized (
      select l.*, l.text ~ '^[1-9][0-9]{0,15}$' as is_integer,
        coalesce(k.pk, case when l.text ~ '^[1-9][0-9]{0,15}$' then ${tx.ids === "new" ? sqlShifted(integer) : integer} end) as named_pk
      from listed l left join (select distinct key, pk from import_key) k on k.key = l.text
    ), met as materialized (
      select n.*, p.id, p.id is null and n.named_pk in (
          select pk from import_skip where model in (${modelsOf(kind.staging)}) and pk is not null
          union select pk from import_conflict where kind = '${of}') as is_skipped
      from named n left join ${kind.staging.name} p on p.pk = n.named_pk
    ), replaced as materialized (
      select m.*, case when m.id is null then m.member when jsonb_typeof(m.member) = 'string' and is_integer then to_jsonb(m.id::text) else to_jsonb(m.id) end as now,
        -- What stays may be the new id of another one of the list: once is enough.
        m.id is null and exists (select from met o where o.place = m.place and o.id::text = m.text) as is_doubled
      from met m
    ), noted as (
      insert into import_note (model, record, pk, reason, about)
      select model, record, pk, 'names ids of ${of}s that were skipped, which were taken out of the list', ${about}
        from replaced where is_skipped group by place, model, record, pk
      union all
      select model, record, pk, 'names ids of ${of}s that are neither in the file nor here, which stay as they are', ${about}
        from replaced r where id is null and is_skipped is not true and is_integer
          and not exists (select from ${kind.staging.table} x where x.id = r.text::bigint)
        group by place, model, record, pk
    ), made as (
      select place, coalesce(jsonb_agg(now order by position) filter (where is_skipped is not true and not is_doubled), '[]') as value from replaced group by place
    )
    update ${staging.name} t set value = made.value from made where t.ctid = made.place and t.value <> made.value`),
  );
};

/**
 * Replaces ids of the file in the values of staged options with the ids that the same records have in the database. Removes the ids of skipped
 * records from the values.
 */
export const replaceIdsInValues = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  for (const list of idLists) if (list.staging === staging && isGiven(tx, staging)) await replace(tx, list);
};
