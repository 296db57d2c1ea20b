// node bench/whole-export.ts [--users 100000]: exports a service with everything, imports it into an empty one, exports that, compares the two
// files byte by byte, and says rows per second of each beside COPY of the same tables. README.md says more.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import pg from "pg";
import { pino } from "pino";
import { migrate } from "../src/db/migrate.ts";
import { openDatabase } from "../src/db/orm.ts";
import { exportAll } from "../src/lifecycle/export/export-all.ts";
import type { Manifest } from "../src/lifecycle/export/format.ts";
import { storeExport } from "../src/lifecycle/export/store.ts";
import { newDatabase } from "../test/support/new-database.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { loadPeople } from "./generator/load.ts";

const { values } = parseArgs({ options: { users: { type: "string", default: "100000" } } });
const users = Number(values.users);
if (!(users > 0)) throw new Error("usage: node bench/whole-export.ts [--users 100000]");

const log = pino({ level: "silent" });
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** What people have besides what `loadPeople` gives them, without what triggers would write of it. */
const everything = `
  set session_replication_role = replica;
  insert into organization (id, name, slug) select n, 'Organization ' || n, 'organization-' || n from generate_series(1, $users / 50 + 1) n;
  insert into project (id, organization_id, name, slug) select n, n, 'Project ' || n, 'project-' || n from generate_series(1, $users / 50 + 1) n;
  insert into team (id, organization_id, name, slug) select n, n, 'Team ' || n, 'team-' || n from generate_series(1, $users / 50 + 1) n;
  insert into project_team (project_id, team_id) select id, id from team;
  insert into organization_member (organization_id, user_id, role) select id / 50 + 1, id, id % 4 from users;
  insert into team_member (organization_id, team_id, member_id) select organization_id, organization_id, id from organization_member where id % 2 = 0;
  insert into user_option (user_id, scope_kind, scope_id, key, value)
    select id, 0, 0, 'theme', '"dark"'::jsonb from users union all select id, 0, 0, 'timezone', '"Europe/Vienna"' from users
    union all select id, 1, id / 50 + 1, 'workflow:notifications', '{"a": [1, 2, 3], "b": null}' from users;
  insert into option_revision (user_id, scope_kind, scope_id, key, value, caller) select user_id, scope_kind, scope_id, key, value, 'bench' from user_option;
  insert into user_ip (user_id, ip) select id, '192.0.2.' || id % 256 from users;
  insert into identity_provider (id, type) values (1, 'github');
  insert into identity (provider_id, user_id, external_id, data) select 1, id, 'external-' || id, '{"login": "x"}' from users where id % 3 = 0;
  insert into account (id, name, number) select n, 'Account ' || n, lpad((n / 10000)::text, 4, '0') || '-0000-' || lpad((n % 10000)::text, 4, '0') from generate_series(1, $users / 100 + 1) n;
  insert into user_profile (id, account_id, user_id, name, tags, tags_canonical) select id, id / 100 + 1, id, 'Profile', '{a,b}', '{a,b}' from users;
  insert into account_contact (account_id, user_id, email, email_canonical, name) select id / 100 + 1, id, 'c' || id || '@example.com', 'c' || id || '@example.com', '' from users;
  insert into resource (kind, account_id, owner_profile_id, name) select 'page', account_id, id, 'Page ' || id from user_profile;
  set session_replication_role = origin`;

/** Sets the sequences of what was given ids. */
const sequences = `do $$ declare t record; begin
  for t in select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'id' and a.attidentity <> ''
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' loop
    execute format('select setval(pg_get_serial_sequence(%L, ''id''), greatest((select max(id) from %I), 1))', t.name, t.name);
  end loop; end $$`;

const seconds = async <T>(body: () => Promise<T>): Promise<{ readonly time: number; readonly result: T }> => {
  const begun = performance.now();
  const result = await body();
  return { time: (performance.now() - begun) / 1_000, result };
};

const exportTo = async (url: string, path: string): Promise<Manifest> => {
  await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, log);
  await using file = await open(path, "wx");
  const write = (lines: Uint8Array) => file.appendFile(lines);
  const writeFirst = async (line: string) => void (await file.write(line, 0));
  const manifest = await exportAll(db, { organizationId: undefined, withSecrets: true }, { write, writeFirst }, () => {});
  return manifest;
};

const migrated = async (url: string): Promise<void> => {
  await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, log);
  await migrate(db, log);
};

/** The digest of a file without the time at which it was made. */
const digestOf = async (path: string): Promise<string> => {
  const digest = createHash("sha256");
  let isFirst = true;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    digest.update(isFirst ? line.replace(/"exportTime":"[^"]*"/, "") : line).update("\n");
    isFirst = false;
  }
  return digest.digest("hex");
};

const withClient = async <T>(url: string, body: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
};

await using stack = new AsyncDisposableStack();
const postgres = await startPostgres();
stack.defer(() => postgres.stop());
const folder = await mkdtemp(join(tmpdir(), "userd-export-"));
stack.defer(() => rm(folder, { recursive: true, force: true }));
// The server, which is another user, writes and reads the files of COPY there.
await chmod(folder, 0o777);
const [source, target, copied] = [
  stack.use(await newDatabase(postgres.url, "source")),
  stack.use(await newDatabase(postgres.url, "target")),
  stack.use(await newDatabase(postgres.url, "copied")),
];
for (const { url } of [source, target, copied]) await migrated(url);
await loadPeople(source.url, users);
await withClient(source.url, async (client) => {
  for (const statement of everything.replaceAll("$users", String(users)).split(";")) await client.query(statement);
  await client.query(sequences);
  await client.query("vacuum analyze");
});
const [first, second] = [join(folder, "first"), join(folder, "second")];
const exported = await seconds(() => exportTo(source.url, first));
const rows = exported.result.tables.reduce((sum, table) => sum + table.rows, 0);
const tables = exported.result.tables.map(({ table }) => table);
print(`${users} users, ${rows} rows of ${tables.length} tables, ${Math.round((await stat(first)).size / 1e6)} MB`);
const imported = await seconds(async () => {
  await using db = await openDatabase({ database: { kind: "postgres", url: target.url }, poolSize: 2 }, log);
  return storeExport(db, createInterface({ input: createReadStream(first), crlfDelay: Number.POSITIVE_INFINITY }), false);
});
await exportTo(target.url, second);
const isEqual = (await digestOf(first)) === (await digestOf(second));
const pathOf = (table: string) => join(folder, `${table}.copy`);
const columnsOf = async (client: pg.Client, table: string): Promise<string> => {
  const { rows: names } = await client.query<{ name: string }>(
    "select quote_ident(attname) as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum",
    [table],
  );
  return names.map(({ name }) => name).join(", ");
};
const out = await seconds(() =>
  withClient(source.url, async (client) => {
    for (const table of tables) await client.query(`copy ${table} (${await columnsOf(client, table)}) to '${pathOf(table)}'`);
  }),
);
const into = await seconds(() =>
  withClient(copied.url, async (client) => {
    await client.query("begin");
    for (const table of tables) {
      // As the import does: triggers have kept a revision of each option.
      if (table === "option_revision") await client.query("delete from option_revision");
      await client.query(`copy ${table} (${await columnsOf(client, table)}) from '${pathOf(table)}'`);
    }
    await client.query("commit");
  }),
);
const line = (what: string, { time }: { readonly time: number }, yardstick: { readonly time: number }): string =>
  `${what}: ${time.toFixed(1)} s, ${Math.round(rows / time)} rows/s; COPY ${yardstick.time.toFixed(1)} s, ${Math.round(rows / yardstick.time)} rows/s; ratio ${(yardstick.time / time).toFixed(2)}`;
print(line("export", exported, out));
print(line("import", imported, into));
print(isEqual ? "both exports are equal, byte by byte" : "the exports DIFFER");
process.exitCode = isEqual ? 0 : 1;
