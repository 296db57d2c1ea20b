/** Makes the function that logs a bump of a table of versions. */
const logging = (table: string, kind: string, id: string): string => `create function ${table}_bumped() returns trigger
    language plpgsql
    as $$
    begin
      insert into version_bump (xid, aggregate_kind, aggregate_id, version) values (pg_current_xact_id(), ${kind}, ${id}, new.version);
      return null;
    end $$`;

/** The table of the bumps that no row of the change log tells of. */
const bumps = `create table version_bump (
    xid xid8 not null,
    id bigint not null default nextval('change_id'),
    bump_time timestamptz(3) not null default clock_timestamp(),
    aggregate_kind varchar(32) collate "C" not null,
    aggregate_id varchar(32) collate "C" not null,
    version bigint not null,
    primary key (xid, id)
  )`;

/**
 * The SQL statements by which every bump can be found in the feed, whoever raises a version. What the triggers of `track_changes` raise has rows in
 * the change log, and says so in the column told_xid; any other bump is logged by triggers on the tables of versions. They are triggers for rows with a
 * condition: a bump that is told, and a statement that raises nothing, call no function. Whoever writes a function that raises versions without a
 * thought of this has its bumps logged.
 */
const everyBump = [
  bumps,
  `alter table aggregate_version add column told_xid xid8`,
  // All functions that both raise versions and write to the change log: track_changes, and those that it has made.
  `create function tell_bumps() returns void
    language plpgsql
    as $$
    declare
      definition text;
    begin
      for definition in
        select pg_get_functiondef(p.oid) from pg_proc p join pg_language l on l.oid = p.prolang
          where l.lanname = 'plpgsql' and p.prosrc like '%insert into aggregate_version as s (kind, id, version, xid)%'
            and p.prosrc like '%insert into changes (%' and p.proname <> 'tell_bumps'
      loop
        definition := replace(definition, 'aggregate_version as s (kind, id, version, xid)', 'aggregate_version as s (kind, id, version, xid, told_xid)');
        definition := replace(definition, ', 1, pg_current_xact_id()', ', 1, pg_current_xact_id(), pg_current_xact_id()');
        definition := replace(definition, 's.version + 1, xid = excluded.xid', 's.version + 1, xid = excluded.xid, told_xid = excluded.xid');
        execute definition;
      end loop;
    end $$`,
  `comment on function tell_bumps() is
    'Makes all functions that both raise versions and write to the change log say so. Call it after they were made anew.'`,
  "select tell_bumps()",
  logging("aggregate_version", "new.kind", "new.id"),
  // A row that is inserted only to be locked has version 0.
  `create trigger aggregate_version_bumped_on_insert after insert on aggregate_version
    for each row when (new.version > 0 and new.told_xid is distinct from new.xid) execute function aggregate_version_bumped()`,
  // Who raises a version without saying in which transaction has not said that it is told.
  `create trigger aggregate_version_bumped_on_update after update on aggregate_version
    for each row when (new.version <> old.version and (new.told_xid is distinct from new.xid or new.xid = old.xid))
    execute function aggregate_version_bumped()`,
  logging("canonical_name", "'canonical_name'", "left(encode(sha256(convert_to(new.name, 'UTF8')), 'hex'), 32)"),
  `create trigger canonical_name_bumped_on_insert after insert on canonical_name
    for each row when (new.version > 0) execute function canonical_name_bumped()`,
  `create trigger canonical_name_bumped_on_update after update on canonical_name
    for each row when (new.version <> old.version) execute function canonical_name_bumped()`,
];

/** The SQL statements that create the tables of the feed. The feed begins here: what was committed before has no position. */
export const tables = [
  ...everyBump,
  `create table feed (
    position bigint primary key,
    change_id bigint not null,
    change_time timestamptz(3) not null,
    place_time timestamptz(3) not null default now(),
    is_bump boolean not null,
    aggregate_kind varchar(32) collate "C" not null,
    aggregate_id varchar(32) collate "C" not null,
    version bigint not null
  )`,
  `create unique index feed_change_index on feed (change_id)`,
  `create table feed_head (
    id smallint primary key,
    epoch varchar(128) collate "C" not null,
    position bigint not null,
    snapshot pg_snapshot not null,
    time timestamptz(3) not null,
    change_id bigint not null,
    floor_id bigint not null,
    pending_snapshot pg_snapshot,
    pending_id bigint
  )`,
  // Nobody writes to the log meanwhile: the migration has locked it.
  `insert into feed_head (id, epoch, position, snapshot, time, change_id, floor_id)
    select 1, current_epoch(), 0, pg_current_snapshot(), transaction_timestamp(), last, last
    from (select coalesce(max(id), 0) as last from changes) changes`,
];
