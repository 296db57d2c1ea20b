// node bench/million.ts DATABASE_URL: what reads cost on a database of a million people, as EXPLAIN sees it: the statements
// of src/ beside what one would type into psql for the same answer. An empty database is migrated and filled first.
import type { MessageInitShape } from "@bufbuild/protobuf";
import pg from "pg";
import type { Cache } from "../src/cache/cache.ts";
import { migrate } from "../src/db/migrate.ts";
import { type Database, openDatabase } from "../src/db/orm.ts";
import { UserView } from "../src/gen/userd/v1/user_pb.ts";
import { type UserKeySchema, UserService } from "../src/gen/userd/v1/user_service_pb.ts";
import { createRoleDefinitions } from "../src/roles/role.lookup.ts";
import { formatTable } from "../src/table.ts";
import { createCanonicalNames } from "../src/users/canonical-name.lookup.ts";
import { getUser } from "../src/users/get-user.ts";
import { listUsers } from "../src/users/list-users.ts";
import { lookupUsers } from "../src/users/lookup-users.ts";
import { createBasicUsers, createUsers } from "../src/users/user.lookup.ts";
import { call, explain, explainAll, freshness, missesOf, pagerAfter, type Statement, statementOf } from "./explain.ts";
import { loadPeople } from "./generator/load.ts";

const { listUsers: list } = UserService.method;
const listed = (request: MessageInitShape<typeof list.input>, after?: readonly string[]) => async () => [
  await statementOf((db) => listUsers({ db, freshness, pager: pagerAfter(after) as never }), list, { pageSize: 50, ...request }),
];
const { getUser: get, lookupUsers: lookup } = UserService.method;
/** What the two operations read through, of an empty cache. */
const readers = (cache: Cache, db: Database) => {
  const [users, basicUsers] = [createUsers(cache, db), createBasicUsers(cache, db)];
  const roleDefinitions = createRoleDefinitions(cache, db);
  return { db, freshness, users, basicUsers, roleDefinitions, canonicalNames: createCanonicalNames(cache, db, { users, basicUsers }) };
};
const { BASIC, FULL } = UserView;
const byHand = (sql: string): Statement => ({ sql, parameters: [] });

const PEOPLE = 1_000_000;

/** Migrates a database, and fills it when nobody is in it. */
const prepare = async (url: string): Promise<void> => {
  {
    await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, call.log);
    await migrate(db, call.log);
    if (await db.sql.selectFrom("users").select("id").limit(1).executeTakeFirst()) return;
  }
  const begun = performance.now();
  await loadPeople(url, PEOPLE, 1, (line) => void process.stderr.write(`${line}\n`));
  process.stdout.write(`${PEOPLE} people loaded in ${((performance.now() - begun) / 1_000).toFixed(1)} s\n`);
};

const [url = ""] = process.argv.slice(2);
await prepare(url);
const client = new pg.Client(url);
await client.connect();
const { rows: samples } = await client.query<{ id: string; username: string; email: string; place: string }>(
  `(select id, username, email, '' as place from users where id = 567890)
   union all (select id, username, email, username_canonical from users order by username_canonical offset 499950 limit 1)`,
);
const [sample, middle] = samples;
if (sample === undefined || middle === undefined) throw new Error("The database has to hold a million people.");
const id = BigInt(sample.id);

await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, call.log);
const byId = (view: UserView) => () => missesOf((cache) => getUser(readers(cache, db)), get, { id, view });
type Key = MessageInitShape<typeof UserKeySchema>["key"] & object;
const byKey = (key: Key, view: UserView) => () => missesOf((cache) => lookupUsers(readers(cache, db)), lookup, { keys: [{ key }], view });
const username: Key = { case: "username", value: sample.username.toUpperCase() };
const email: Key = { case: "email", value: sample.email.toUpperCase() };
const handById = byHand(`select * from users where id = ${id}`);
const handByUsername = byHand(`select * from users where username_canonical = lower('${sample.username}')`);
const handByEmail = byHand(
  `select u.* from users u join user_email e on e.user_id = u.id where e.email_canonical = lower('${sample.email}')`,
);

const cases: readonly (readonly [name: string, ours: () => Promise<readonly Statement[]>, theirs: Statement])[] = [
  ["GetUser, basic", byId(BASIC), handById],
  ["GetUser, full", byId(FULL), handById],
  ["LookupUsers by id, basic", byKey({ case: "id", value: id }, BASIC), handById],
  ["LookupUsers by username, basic", byKey(username, BASIC), handByUsername],
  ["LookupUsers by username, full", byKey(username, FULL), handByUsername],
  ["LookupUsers by address, basic", byKey(email, BASIC), handByEmail],
  ["LookupUsers by address, full", byKey(email, FULL), handByEmail],
  ["list by id, page 1", listed({}), byHand("select * from users where delete_time is null order by id limit 50")],
  [
    "list by id, page 10,000",
    listed({}, ["502512"]),
    byHand("select * from users where delete_time is null order by id offset 499950 limit 50"),
  ],
  [
    "list by username, page 1",
    listed({ orderBy: "username" }),
    byHand("select * from users where delete_time is null order by username_canonical limit 50"),
  ],
  [
    "list by username, page 10,000",
    listed({ orderBy: "username" }, [middle.place, middle.id]),
    byHand("select * from users where delete_time is null order by username_canonical offset 499950 limit 50"),
  ],
  [
    "list by date_joined desc, page 1",
    listed({ orderBy: "date_joined desc" }),
    byHand("select * from users where delete_time is null order by date_joined desc, id desc limit 50"),
  ],
  ...["kowalski77", "müller", "@gmail.com", "@novaktrade", "zq", "an"].map(
    (query) =>
      [
        `search "${query}"`,
        listed({ filter: { query } }),
        byHand(`select distinct u.* from users u left join user_email e on e.user_id = u.id
          where u.name ilike '%${query}%' or u.username ilike '%${query}%' or e.email ilike '%${query}%' order by u.id limit 50`),
      ] as const,
  ),
  ['search "müller", page 1,000', listed({ filter: { query: "müller" } }, ["900000"]), byHand("select 1")],
  ["search is:superuser", listed({ search: "is:superuser" }), byHand("select * from users where is_superuser order by id limit 50")],
  [
    "search permission:",
    listed({ search: "permission:service1.permission1" }),
    byHand(`select distinct u.* from users u left join user_permission p on p.user_id = u.id left join role_member m on m.user_id = u.id
      left join role_permission r on r.role_id = m.role_id
      where 'service1.permission1' in (p.permission, r.permission) order by u.id limit 50`),
  ],
  [
    "1,000 full users",
    listed({ pageSize: 1_000, view: UserView.FULL }, ["500000"]),
    byHand(
      `select u.*, (select json_agg(e) from user_email e where e.user_id = u.id) from users u where id > 500000 order by id limit 1000`,
    ),
  ],
];

const lines: string[][] = [];
for (const [name, ours, theirs] of cases) {
  const statements = await ours();
  const [measured, hand] = [await explainAll(client, statements), await explain(client, theirs)];
  lines.push([
    name,
    String(statements.length),
    String(measured.buffers),
    measured.ms.toFixed(2),
    measured.planning.toFixed(2),
    String(hand.buffers),
    hand.ms.toFixed(2),
  ]);
}
process.stdout.write(
  `Reads that find the cache empty.\n${formatTable(["read", "statements", "buffers", "ms", "planning ms", "by hand: buffers", "ms"], lines)}\n`,
);
await client.end();
