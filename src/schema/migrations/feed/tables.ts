/** Makes the triggers that log each bump of a table of versions. A trigger for rows is not called for a statement that changes none. */
const logged = (table: string, kind: string, id: string): readonly string[] => [
  `create function ${table}_bumped() returns trigger
    language plpgsql
    as $$
    begin
      insert into version_bump (xid, aggregate_kind, aggregate_id, version) values (pg_current_xact_id(), ${kind}, ${id}, new.version);
      return null;
    end $$`,
  // A row that is inserted only to be locked has version 0.
  `create trigger ${table}_bumped_on_insert after insert on ${table}
    for each row when (new.version > 0) execute function ${table}_bumped()`,
  `create trigger ${table}_bumped_on_update after update on ${table}
    for each row when (new.version is distinct from old.version) execute function ${table}_bumped()`,
];

/**
 * The SQL statements that create the tables of the feed. The triggers on the tables of versions log every bump, whoever raises a version, in the same
 * transaction. The feed begins here: what was committed before has no position.
 */
export const tables = [
  `create table version_bump (
    xid xid8 not null,
    id bigint not null default nextval('change_id'),
    bump_time timestamptz(3) not null default clock_timestamp(),
    aggregate_kind varchar(32) collate "C" not null,
    aggregate_id varchar(32) collate "C" not null,
    version bigint not null,
    primary key (xid, id)
  )`,
  `create table feed (
    position bigint primary key,
    change_id bigint not null,
    change_time timestamptz(3) not null,
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
  ...logged("aggregate_version", "new.kind", "new.id"),
  ...logged("canonical_name", "'canonical_name'", "left(encode(sha256(convert_to(new.name, 'UTF8')), 'hex'), 32)"),
];
