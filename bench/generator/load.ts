import pg from "pg";
import { type CopyValue, copyInto } from "./copy.ts";
import { generatePeople, type Person, ROLES } from "./people.ts";

type Table = readonly [name: string, columns: readonly string[], rowsOf: (person: Person) => readonly (readonly CopyValue[])[]];

const tables: readonly Table[] = [
  [
    "users",
    [
      "id",
      "username",
      "username_canonical",
      "name",
      "name_canonical",
      "email",
      "is_active",
      "is_staff",
      "is_superuser",
      "date_joined",
      "delete_time",
      "purge_time",
    ],
    (person) => [
      [
        person.id,
        person.username,
        person.usernameCanonical,
        person.name,
        person.name.normalize("NFC").toLowerCase(),
        person.emails[0]?.email ?? "",
        person.isActive,
        person.isStaff,
        person.isSuperuser,
        person.dateJoined,
        person.isDeleted ? person.dateJoined : null,
        person.isDeleted ? new Date("2099-01-01") : null,
      ],
    ],
  ],
  [
    "user_email",
    ["user_id", "email", "email_canonical", "is_verified"],
    ({ id, emails }) => emails.map(({ email, canonical, isVerified }) => [id, email, canonical, isVerified]),
  ],
  ["user_activity", ["user_id", "last_active"], ({ id, lastActive }) => (lastActive ? [[id, lastActive]] : [])],
  ["user_permission", ["user_id", "permission"], ({ id, permissions }) => permissions.map((permission) => [id, permission])],
  ["role_member", ["user_id", "role_id"], ({ id, roles }) => roles.map((role) => [id, role])],
  ["authenticator", ["user_id", "type"], ({ id, authenticators }) => authenticators.map((type) => [id, type])],
];

function* rowsFor(count: number, seed: number, rowsOf: Table[2]): Generator<readonly CopyValue[]> {
  for (const person of generatePeople(count, seed)) yield* rowsOf(person);
}

const roles = `
  insert into role (id, name) select n, 'role ' || n from generate_series(1, ${ROLES}) n;
  insert into role_permission (role_id, permission)
    select n, 'service' || p || '.permission' || n from generate_series(1, ${ROLES}) n, generate_series(1, n % 5) p`;

/** What triggers write, all at once; the change log stays empty, as if the users had always been there. */
const derived = `
  insert into user_search (user_id, lines)
    select u.id, concat(E'\\n', u.name_canonical, E'\\n', u.username_canonical, E'\\n', e.lines)
    from users u left join (
      select user_id, string_agg(email_canonical || E'\\n', '' order by email_canonical) as lines from user_email group by user_id
    ) e on e.user_id = u.id;
  insert into aggregate_version (kind, id, version, xid) select 'user', id, 1, pg_current_xact_id() from users;
  insert into name_version (digest, version) select left(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 32), 1
    from (select username_canonical as name from users union select email_canonical from user_email) names;
  select setval('users_id_seq', (select max(id) from users)), setval('role_id_seq', ${ROLES})`;

/** Where people go: COPY fills these without triggers, and `derived` the other three. */
const filled = [...tables.map(([name]) => name), "role", "role_permission", "user_search", "aggregate_version", "name_version"];

type Rebuilt = { readonly drop: string; readonly make: string };

/**
 * What is cheaper to make at the end than to keep up to date row by row: foreign keys, unique keys and all other indexes, in
 * the order in which they have to be dropped. Primary keys stay, since the statements of `derived` may use them.
 */
const rebuilt = async (client: pg.Client): Promise<Rebuilt[]> => {
  const { rows } = await client.query<Rebuilt>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop,
        format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as make
      from pg_constraint where conrelid = any($1::regclass[]) and contype in ('f', 'u')
      union all
      select format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
      from pg_index where indrelid = any($1::regclass[]) and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))
      order by drop`,
    [filled],
  );
  return rows;
};

/**
 * Fills an empty, migrated database with people, by COPY, without triggers and without indexes but primary keys; afterwards
 * it is as it would be after as many writes and a vacuum.
 * @param say is told what is done and how many seconds it took.
 */
export const loadPeople = async (url: string, count: number, seed = 1, say: (line: string) => void = () => {}): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  let begun = performance.now();
  const done = (what: string) => {
    say(`${((performance.now() - begun) / 1_000).toFixed(1)} s  ${what}`);
    begun = performance.now();
  };
  await client.query("set synchronous_commit = off; set maintenance_work_mem = '1GB'; set work_mem = '512MB'; set statement_timeout = 0");
  await client.query("begin");
  const later = await rebuilt(client);
  for (const { drop } of later) await client.query(drop);
  for (const table of filled) await client.query(`alter table ${table} disable trigger user`);
  await client.query(roles);
  for (const [name, columns, rowsOf] of tables) {
    await copyInto(client, name, columns, rowsFor(count, seed, rowsOf));
    done(`copied ${name}`);
  }
  await client.query(derived);
  done("derived what triggers write");
  // Unique keys before the foreign keys that lean on them: the list backwards.
  for (const { make } of later.toReversed()) await client.query(make);
  done("made indexes and constraints");
  for (const table of filled) await client.query(`alter table ${table} enable trigger user`);
  await client.query("commit");
  await client.query("vacuum analyze");
  done("vacuumed and analyzed");
  await client.end();
};
