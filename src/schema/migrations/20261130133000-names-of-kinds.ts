import { Migration } from "@mikro-orm/migrations";

/**
 * The migration after which the change log names a table as it is called. A name that is a word of SQL, such as `position`, had quotes there,
 * and the kind of such a table was found by nobody.
 */
export class NamesOfKinds extends Migration {
  override name = "20261130133000-names-of-kinds";

  override up(): void {
    this.addSql(`do $$
      declare
        here constant text := 'tracked::text || ''_changed'', tracked::text,';
        definition constant text := pg_get_functiondef('write_tracking_function'::regproc);
      begin
        if position(here in definition) = 0 then raise 'write_tracking_function has another text than expected'; end if;
        execute replace(definition, here, 'tracked::text || ''_changed'', (select relname from pg_class where oid = tracked),');
      end $$`);
  }
}
