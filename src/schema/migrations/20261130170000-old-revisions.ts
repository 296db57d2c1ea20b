import { Migration } from "@mikro-orm/migrations";
import { storingOptions } from "./lean-option-writes/store-options.ts";

/** The function of the triggers as it is, but for its statement that removes the old revisions of several options. */
const keepingRevisions = `do $patch$
  declare
    definition text := pg_get_functiondef('keep_option_revisions()'::regprocedure);
    was constant text := $old$      delete from option_revision r using (
          select user_id, scope_kind, scope_id, key from written w join option_revision o using (user_id, scope_kind, scope_id, key)
          group by user_id, scope_kind, scope_id, key having count(*) > 20
        ) w
        where (r.user_id, r.scope_kind, r.scope_id, r.key) = (w.user_id, w.scope_kind, w.scope_id, w.key)
          and r.id <= (
            select o.id from option_revision o
            where (o.user_id, o.scope_kind, o.scope_id, o.key) = (w.user_id, w.scope_kind, w.scope_id, w.key)
            order by o.id desc offset 20 limit 1);$old$;
  begin
    if position(was in definition) = 0 then raise exception 'keep_option_revisions is another one'; end if;
    execute replace(definition, was, $new$      with outdated as materialized (
          select w.user_id, w.scope_kind, w.scope_id, w.key, l.id
            from (select distinct user_id, scope_kind, scope_id, key from written) w
              cross join lateral (
                select o.id from option_revision o
                  where (o.user_id, o.scope_kind, o.scope_id, o.key) = (w.user_id, w.scope_kind, w.scope_id, w.key)
                  order by o.id desc offset 20
              ) l
        )
        delete from option_revision r using outdated o
          where (r.user_id, r.scope_kind, r.scope_id, r.key, r.id) = (o.user_id, o.scope_kind, o.scope_id, o.key, o.id);$new$);
  end $patch$`;

/**
 * The migration after which the old revisions of an option are looked for once, when several options are written: they were looked for again for
 * each revision. It replaces functions, and services of the version before go on.
 */
export class OldRevisions extends Migration {
  override name = "20261130170000-old-revisions";

  override up(): void {
    this.addSql(storingOptions);
    this.addSql(keepingRevisions);
  }
}
