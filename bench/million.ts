// node bench/million.ts DATABASE_URL: what reads cost on a database of a million people, as EXPLAIN sees it: the statements
// of src/ beside what one would type into psql for the same answer. An empty database is migrated and filled first.
import type { MessageInitShape } from "@bufbuild/protobuf";
import pg from "pg";
import { fastReading } from "../src/cache/reading.ts";
import { formatTable } from "../src/cli/table.ts";
import { handleOf } from "../src/db/handles.ts";
import { migrate } from "../src/db/migrate.ts";
import { openDatabase } from "../src/db/orm.ts";
import { UserView } from "../src/gen/users/v1/user_pb.ts";
import { UserService } from "../src/gen/users/v1/user_service_pb.ts";
import { createHandles } from "../src/users/handle.lookup.ts";
import { listUsers } from "../src/users/list-users.ts";
import { createUsers } from "../src/users/user.lookup.ts";
import { call, explain, freshness, missed, pagerAfter, type Statement, statementOf } from "./explain.ts";
import { loadPeople } from "./generator/load.ts";

const { listUsers: list } = UserService.method;
const listed = (request: MessageInitShape<typeof list.input>, after?: readonly string[]) =>
  statementOf((db) => listUsers({ db, freshness, pager: pagerAfter(after) as never }), list, { pageSize: 50, ...request });
const userById = (ids: readonly bigint[]) => missed("GetUser", (cache, db) => createUsers(cache, db).getAll(call, ids, fastReading));
const handle = (name: string) => missed("LookupUsers", (cache, db) => createHandles(cache, db).get(call, handleOf(name), fastReading));
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
   union all (select id, username, email, username_handle from users order by username_handle offset 499950 limit 1)`,
);
const [sample, middle] = samples;
if (sample === undefined || middle === undefined) throw new Error("The database has to hold a million people.");
const id = BigInt(sample.id);

const cases: readonly (readonly [name: string, ours: Promise<Statement>, theirs: Statement])[] = [
  ["GetUser, and LookupUsers by id", userById([id]), byHand(`select * from users where id = ${id}`)],
  [
    "LookupUsers: who has the username",
    handle(sample.username.toUpperCase()),
    byHand(`select * from users where username_handle = lower('${sample.username}')`),
  ],
  [
    "LookupUsers: who has the address",
    handle(sample.email.toUpperCase()),
    byHand(`select u.* from users u join user_email e on e.user_id = u.id where e.email_handle = lower('${sample.email}')`),
  ],
  ["list by id, page 1", listed({}), byHand("select * from users where delete_time is null order by id limit 50")],
  [
    "list by id, page 10,000",
    listed({}, ["502512"]),
    byHand("select * from users where delete_time is null order by id offset 499950 limit 50"),
  ],
  [
    "list by username, page 1",
    listed({ orderBy: "username" }),
    byHand("select * from users where delete_time is null order by username_handle limit 50"),
  ],
  [
    "list by username, page 10,000",
    listed({ orderBy: "username" }, [middle.place, middle.id]),
    byHand("select * from users where delete_time is null order by username_handle offset 499950 limit 50"),
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
  const [measured, hand] = [await explain(client, await ours), await explain(client, theirs)];
  lines.push([
    name,
    String(measured.buffers),
    measured.ms.toFixed(2),
    measured.planning.toFixed(2),
    String(hand.buffers),
    hand.ms.toFixed(2),
  ]);
}
process.stdout.write(
  `Every read is one statement.\n${formatTable(["read", "buffers", "ms", "planning ms", "by hand: buffers", "ms"], lines)}\n`,
);
await client.end();
