/**
 * The SQL statements that make the change log a table that is partitioned by month, so that old months can be dropped: its rows can't be deleted. The
 * table that is there becomes the partition of everything up to the end of this month; it is not copied. Partitions stand in a schema of their own.
 *
 * `change_partitions(ahead)` adds the partitions of this month and the next ones. What fits in none, since nobody has called it for months, goes to the
 * default partition. `drop_change_partitions(before)` drops the months that ended before a time, and returns their names.
 */
export const partitioned = [
  `lock table changes in access exclusive mode`,
  `create schema userd_changes`,
  `create sequence change_id`,
  `select setval('change_id', last_value, is_called) from changes_id_seq`,
  `alter table changes alter column id drop identity`,
  `alter table changes drop constraint changes_pkey`,
  `alter table changes set schema userd_changes`,
  `do $$ begin
    execute format('alter table userd_changes.changes rename to %I', to_char(now() at time zone 'UTC', '"m"YYYY_MM'));
    execute format('alter table userd_changes.%I alter column id set default nextval(''change_id''), add primary key (id, change_time)',
      to_char(now() at time zone 'UTC', '"m"YYYY_MM'));
  end $$`,
  `create table changes (
    id bigint not null default nextval('change_id'),
    change_time timestamptz(3) not null default clock_timestamp(),
    kind varchar(64) collate "C" not null,
    key varchar(160) collate "C" not null,
    operation varchar(6) collate "C" not null,
    changed_columns text[],
    aggregate_kind varchar(32) collate "C" not null,
    aggregate_id bigint not null,
    version bigint not null,
    xid xid8 not null,
    caller varchar(128) collate "C" not null,
    acting_user_id bigint,
    request_id varchar(128) collate "C",
    primary key (id, change_time)
  ) partition by range (change_time)`,
  `create index changes_acting_user_index on changes (acting_user_id, id) where acting_user_id is not null`,
  `create index changes_aggregate_index on changes (aggregate_kind, aggregate_id, id)`,
  `create index changes_time_index on changes using brin (change_time)`,
  `create index changes_xid_index on changes (xid, id)`,
  `do $$ begin
    execute format('alter table changes attach partition userd_changes.%I for values from (minvalue) to (%L)',
      to_char(now() at time zone 'UTC', '"m"YYYY_MM'), (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC');
  end $$`,
  `create table userd_changes.rest partition of changes default`,
  `create trigger changes_are_kept before update or delete or truncate on changes
    for each statement execute function refuse_change()`,
  `create trigger changes_are_kept before update or delete or truncate on userd_changes.rest
    for each statement execute function refuse_change()`,

  `create function change_partitions(ahead int) returns void
    language plpgsql
    as $$
    declare
      month timestamp;
      name text;
    begin
      for step in 0..ahead loop
        month := date_trunc('month', now() at time zone 'UTC') + make_interval(months => step);
        name := to_char(month, '"m"YYYY_MM');
        continue when to_regclass(format('userd_changes.%I', name)) is not null;
        -- What came too early for its month stands in the default partition, and stays there with the rest of the month.
        continue when exists (select from userd_changes.rest where change_time >= month at time zone 'UTC'
          and change_time < (month + interval '1 month') at time zone 'UTC');
        execute format('create table userd_changes.%I partition of changes for values from (%L) to (%L)', name,
          month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
        execute format('create trigger changes_are_kept before update or delete or truncate on userd_changes.%I
          for each statement execute function refuse_change()', name);
      end loop;
    end $$`,
  `create function drop_change_partitions(before timestamptz) returns setof text
    language plpgsql
    as $$
    declare
      name text;
    begin
      for name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
          where i.inhparent = 'changes'::regclass and c.relname ~ '^m\\d{4}_\\d\\d$'
            and (to_date(c.relname, '"m"YYYY_MM') + interval '1 month') at time zone 'UTC' <= before
          order by 1
      loop
        execute format('drop table userd_changes.%I', name);
        return next name;
      end loop;
    end $$`,
  `select change_partitions(2)`,
];
