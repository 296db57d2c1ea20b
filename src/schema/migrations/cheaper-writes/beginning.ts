/**
 * The SQL statements of what each write begins and ends with. Statements in functions of PL/pgSQL are planned once per connection; `current_epoch`
 * as a function of SQL was planned anew by each statement that calls it.
 */
export const beginning = [
  `create or replace function current_epoch() returns text
    language plpgsql stable parallel safe
    as $$
    begin
      return concat_ws('-', (pg_control_system()).system_identifier, (select oid from pg_database where datname = current_database()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8));
    end $$`,

  // Locks in the order of its arguments, which is ascending: writes that lock out of order deadlock. A row that is missing is inserted with
  // version 0 and without a transaction id, so that a change in this transaction still raises the version.
  `create function lock_aggregates(kinds text[], ids bigint[]) returns void
    language plpgsql
    as $$
    begin
      for i in 1 .. cardinality(kinds) loop
        perform from aggregate_version s where s.kind = kinds[i] and s.id = ids[i] for update;
        if not found then
          insert into aggregate_version (kind, id, version, xid) values (kinds[i], ids[i], 0, '0'::xid8) on conflict (kind, id) do nothing;
          perform from aggregate_version s where s.kind = kinds[i] and s.id = ids[i] for update;
        end if;
      end loop;
    end $$`,

  // Who writes, for the triggers, and the time that each statement has. Plans that hold for all parameters are made once per connection: a
  // write's statements find rows by keys, so that no parameter makes a better plan.
  `create function begin_write(caller text, acting_user_id text, request_id text, time_left text, kinds text[], ids bigint[]) returns void
    language plpgsql
    as $$
    begin
      perform set_config('userd.caller', caller, true);
      perform set_config('userd.acting_user_id', acting_user_id, true);
      perform set_config('userd.request_id', request_id, true);
      perform set_config('statement_timeout', time_left, true);
      perform set_config('plan_cache_mode', 'force_generic_plan', true);
      perform lock_aggregates(kinds, ids);
    end $$`,
];
