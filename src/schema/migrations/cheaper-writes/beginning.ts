/**
 * The SQL statements of what each write begins and ends with. Statements in functions of PL/pgSQL are planned once per connection; `current_epoch`
 * as a function of SQL was planned anew by each statement that calls it. An assignment costs a tenth of a `perform`.
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
  `create function lock_aggregates(kinds text[], ids bigint[]) returns int
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
      return cardinality(kinds);
    end $$`,

  // Who writes, for the triggers, and the time that each statement has. Plans that hold for all parameters are made once per connection: a
  // write's statements find rows by keys, so that no parameter makes a better plan.
  `create function begin_write(caller text, acting_user_id text, request_id text, reason text, time_left text, kinds text[], ids bigint[]) returns void
    language plpgsql
    as $$
    declare
      done text;
      locked int;
    begin
      done := set_config('userd.caller', caller, true);
      done := set_config('userd.acting_user_id', acting_user_id, true);
      done := set_config('userd.request_id', request_id, true);
      done := set_config('userd.reason', reason, true);
      done := set_config('statement_timeout', time_left, true);
      done := set_config('plan_cache_mode', 'force_generic_plan', true);
      locked := lock_aggregates(kinds, ids);
    end $$`,

  // The epoch, and the versions of aggregates in their order. Only a server that takes writes comes here, and it has one epoch as long as it
  // runs: so a connection keeps it.
  `create function end_write(kinds text[], ids bigint[], out epoch text, out versions bigint[])
    language plpgsql
    as $$
    declare
      found_version bigint;
    begin
      epoch := current_setting('userd.epoch', true);
      if epoch is null or epoch = '' then epoch := set_config('userd.epoch', current_epoch(), false); end if;
      versions := '{}';
      for i in 1 .. cardinality(kinds) loop
        select s.version into found_version from aggregate_version s where s.kind = kinds[i] and s.id = ids[i];
        versions[i] := coalesce(found_version, 0);
      end loop;
    end $$`,
];
