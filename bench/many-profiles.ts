// node bench/many-profiles.ts [DATABASE_URL]: what pages of ListProfiles cost among 300,000 profiles, as EXPLAIN sees it, on
// a private PostgreSQL. With a URL: on that empty database, which is kept and not filled twice.
import type { MessageInitShape } from "@bufbuild/protobuf";
import pg from "pg";
import { migrate } from "../src/db/migrate.ts";
import { openDatabase } from "../src/db/orm.ts";
import type { ProfileFilterSchema, ProfileTermSchema } from "../src/gen/userd/v1/profile_filter_pb.ts";
import { ProfileService } from "../src/gen/userd/v1/profile_service_pb.ts";
import { listProfiles } from "../src/profiles/list-profiles.ts";
import { formatTable } from "../src/table.ts";
import { call, explain, freshness, pagerAfter, type Statement, statementOf } from "./explain.ts";
import { loadProfiles } from "./generator/profiles.ts";
import { onDatabase } from "./on-database.ts";

type Condition = NonNullable<MessageInitShape<typeof ProfileTermSchema>["condition"]>;
type Filter = MessageInitShape<typeof ProfileFilterSchema>;

const method = ProfileService.method.listProfiles;
const term = (condition: Condition): Filter => ({ node: { case: "term", value: { condition } } });
const text = (name: string, how: "equals" | "startsWith" | "contains", value: string): Filter =>
  term({ case: name, value: { match: { case: how, value } } } as Condition);
const tag = (value: string): Filter => term({ case: "tag", value });
const join = (kind: "allOf" | "anyOf" | "noneOf", ...filters: Filter[]): Filter => ({ node: { case: kind, value: { filters } } }) as Filter;

const filters: Readonly<Record<string, Filter | undefined>> = {
  "no filter": undefined,
  "a tag of all": tag("common"),
  "a tag of 5 %": tag("tag-7"),
  "a tag of 15": tag("rare-7"),
  "an absent tag": tag("absent"),
  "description contains a word": text("description", "contains", "word7 "),
  "description contains, 1 match": text("description", "contains", "3295c76acbf4caaed33c36b1b5fc2cb1"),
  "description contains, none": text("description", "contains", "nowhere"),
  "description contains 2 letters, none": text("description", "contains", "zz"),
  "description equals, none": text("description", "equals", "nothing like it"),
  "name starts with, none": text("name", "startsWith", "Nobody"),
  "name contains, few": text("name", "contains", "abcde"),
  "name contains, none": text("name", "contains", "nowhere"),
  "name contains 1 letter, none": text("name", "contains", "%"),
  "username contains, few": text("username", "contains", "abcde"),
  "username contains, none": text("username", "contains", "nowhere"),
  "username contains 2 letters, none": text("username", "contains", "zz"),
  "username equals, none": text("username", "equals", "nobody"),
  "address contains, none": text("userEmail", "contains", "nowhere"),
  "address equals, none": text("userEmail", "equals", "nobody@example.com"),
  "account name contains, none": text("accountName", "contains", "nowhere"),
  "an account's tag, 600": term({ case: "accountTag", value: "zone-7" }),
  "an account's absent tag": term({ case: "accountTag", value: "absent" }),
  "superusers, none": term({ case: "userIsSuperuser", value: true }),
  "version contains, none": text("version", "contains", "rc"),
  "a word and an absent tag": join("allOf", text("description", "contains", "word7 "), tag("absent")),
  "a word or an absent tag": join("anyOf", text("description", "contains", "nowhere"), tag("absent")),
  "username or description, none": join("anyOf", text("username", "contains", "nowhere"), text("description", "contains", "nowhere")),
  "username or address, none": join("anyOf", text("username", "contains", "nowhere"), text("userEmail", "contains", "nowhere")),
  "account name or a tag of all": join("anyOf", text("accountName", "contains", "nowhere"), tag("common")),
  "username or a tag of 5 %": join("anyOf", text("username", "contains", "abcde"), tag("tag-7")),
  "none of a tag of all": join("noneOf", tag("common")),
  "a rare tag but staff only": join("allOf", tag("rare-7"), term({ case: "userIsStaff", value: true })),
};

/** What lists without users, accounts and the right of somebody do not ask. */
const unused = {
  access: {} as never,
  firstProfiles: {} as never,
  basicUsers: { getAll: () => [] } as never,
  accounts: { getAll: () => [] } as never,
};

const measure = async (url: string): Promise<void> => {
  await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, call.log);
  await migrate(db, call.log);
  if (!(await db.sql.selectFrom("user_profile").select("id").limit(1).executeTakeFirst())) await loadProfiles(url);
  const client = new pg.Client(url);
  await client.connect();
  const statement = (filter: Filter | undefined, orderBy: string): Promise<Statement> =>
    statementOf((recording) => listProfiles({ db: recording, freshness, pager: pagerAfter() as never, ...unused }), method, {
      pageSize: 50,
      orderBy,
      ...(filter && { filter }),
    });
  const lines: string[][] = [];
  for (const [asked, filter] of Object.entries(filters)) {
    const line = [asked];
    for (const order of ["id", "name", "name desc"]) {
      const sent = await statement(filter, order).catch(() => undefined);
      const cost = sent && (await explain(client, sent));
      line.push(cost ? `${cost.buffers}` : "refused", cost ? (cost.ms + cost.planning).toFixed(1) : "");
    }
    lines.push(line);
  }
  process.stdout.write(`${formatTable(["filter", "id: buffers", "ms", "name: buffers", "ms", "name desc: buffers", "ms"], lines)}\n`);
  await client.end();
};

await onDatabase(measure);
