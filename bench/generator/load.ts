import pg from "pg";
import { copyInto } from "./copy.ts";
import { generatePeople, type Person, ROLES } from "./people.ts";

const tables: readonly (readonly [
  name: string,
  columns: readonly string[],
  rowsOf: (person: Person) => readonly (readonly (string | number | boolean | Date | null)[])[],
])[] = [
  [
    "users",
    [
      "id",
      "username",
      "username_handle",
      "name",
      "name_handle",
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
        person.usernameHandle,
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
    ["user_id", "email", "email_handle", "is_verified"],
    ({ id, emails }) => emails.map(({ email, handle, isVerified }) => [id, email, handle, isVerified]),
  ],
  ["user_activity", ["user_id", "last_active"], ({ id, lastActive }) => (lastActive ? [[id, lastActive]] : [])],
  ["user_permission", ["user_id", "permission"], ({ id, permissions }) => permissions.map((permission) => [id, permission])],
  ["role_member", ["user_id", "role_id"], ({ id, roles }) => roles.map((role) => [id, role])],
  ["authenticator", ["user_id", "type"], ({ id, authenticators }) => authenticators.map((type) => [id, type])],
];

function* rowsFor<R>(count: number, seed: number, rowsOf: (person: Person) => readonly R[]): Generator<R> {
  for (const person of generatePeople(count, seed)) yield* rowsOf(person);
}

const roles = `
  insert into role (id, name) select n, 'role ' || n from generate_series(1, ${ROLES}) n;
  insert into role_permission (role_id, permission)
    select n, 'service' || p || '.permission' || n from generate_series(1, ${ROLES}) n, generate_series(1, n % 5) p`;

/** What triggers write, all at once; the change log stays empty, as if the users had always been there. */
const derived = `
  insert into user_search (user_id, lines)
    select u.id, concat(E'\\n', u.name_handle, E'\\n', u.username_handle, E'\\n', e.lines)
    from users u left join (
      select user_id, string_agg(email_handle || E'\\n', '' order by email_handle) as lines from user_email group by user_id
    ) e on e.user_id = u.id;
  insert into subject_version (kind, id, version, xid) select 'user', id, 1, pg_current_xact_id() from users;
  insert into handle (name, version) select username_handle, 1 from users union select email_handle, 1 from user_email;
  select setval('users_id_seq', (select max(id) from users)), setval('role_id_seq', ${ROLES})`;

const tracked = ["users", "user_email", "user_permission", "role", "role_permission", "role_member", "authenticator"];

/**
 * Fills an empty, migrated database with people, by COPY and without triggers; afterwards it is as it would be after as
 * many writes and a vacuum.
 */
export const loadPeople = async (url: string, count: number, seed = 1): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query<{ indexdef: string }>(`select indexdef from pg_indexes where indexname = 'user_search_lines_index'`);
  await client.query("set synchronous_commit = off; set maintenance_work_mem = '1GB'; set work_mem = '512MB'; set statement_timeout = 0");
  await client.query("begin");
  await client.query("drop index if exists user_search_lines_index");
  for (const table of tracked) await client.query(`alter table ${table} disable trigger user`);
  await client.query(roles);
  for (const [name, columns, rowsOf] of tables) await copyInto(client, name, columns, rowsFor(count, seed, rowsOf));
  await client.query(derived);
  for (const { indexdef } of rows) await client.query(indexdef);
  for (const table of tracked) await client.query(`alter table ${table} enable trigger user`);
  await client.query("commit");
  await client.query("vacuum analyze");
  await client.end();
};
