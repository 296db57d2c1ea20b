// node bench/large-kinds.ts: what the first and the last ten pages of lists of kinds cost among ten million check-ins, and among a million releases and
// connections of which the asking user may read a thousand each, as EXPLAIN sees it, on a private PostgreSQL, or on an
// empty database by its URL.
import pg from "pg";
import { migrate } from "../src/db/migrate.ts";
import { openDatabase } from "../src/db/orm.ts";
import { createListings, placesOf } from "../src/kinds/listing.ts";
import { kinds } from "../src/schema/entities.ts";
import { formatTable } from "../src/table.ts";
import { call, explain, type Statement } from "./explain.ts";
import { FIRST, fill, monitorId, reader } from "./generator/large-kinds.ts";
import { onDatabase } from "./on-database.ts";

const PAGE = 50;

/** How many pages are measured at each end. A single one reads five buffers or six, by where its rows lie in theirs. */
const PAGES = 10;

/** A list of a kind: what it is of, its order, and who asks. */
type List = { readonly kind: string; readonly parent: number; readonly orderBy: string; readonly asUserId?: number };

const lists: Readonly<Record<string, List>> = {
  "check-ins by id": { kind: "check_in", parent: monitorId, orderBy: "id" },
  "check-ins by id, the newest first": { kind: "check_in", parent: monitorId, orderBy: "id desc" },
  "check-ins by time": { kind: "check_in", parent: monitorId, orderBy: "check_in_time" },
  "releases of an organization": { kind: "release", parent: FIRST, orderBy: "id" },
  "releases, as a member": { kind: "release", parent: FIRST, orderBy: "id", asUserId: reader },
  "releases by version, as a member": { kind: "release", parent: FIRST, orderBy: "version", asUserId: reader },
  "connections of a profile": { kind: "connection", parent: FIRST, orderBy: "id" },
  "connections, as their owner": { kind: "connection", parent: FIRST, orderBy: "id", asUserId: reader },
  "connections by name, as their owner": { kind: "connection", parent: FIRST, orderBy: "name", asUserId: reader },
};

/** The statement of a page of a list, the first one or the one after a key, and what makes keys of its rows. */
const pageOf = ({ kind: name, parent, orderBy, asUserId }: List, after?: readonly string[], size = PAGE) => {
  const kind = kinds.find((one) => one.name === name);
  if (kind === undefined) throw new Error(`There is no kind ${name}.`);
  const query = { orderBy, pageToken: after === undefined ? "" : "one", ...(asUserId !== undefined && { asUserId: BigInt(asUserId) }) };
  const { page, keyOf } = createListings(kind)(query, [], false);
  const places = placesOf(kind, { ...query, [kind.listedBy.localName]: BigInt(parent) }, { after, size }, undefined);
  return { statement: page(places) as unknown as Statement, keyOf };
};

/** The key of the last row that a page has, its place among the rows counted from one. */
const keyAt = async (client: pg.Client, list: List, place: number, after?: readonly string[]): Promise<readonly string[]> => {
  const { statement, keyOf } = pageOf(list, after, place);
  const { rows } = await client.query(statement.sql, [...statement.parameters]);
  return keyOf(rows[place - 1]);
};

/** The key that the last pages begin after: that of a row of the first pages from the other end. */
const lastKeyOf = (client: pg.Client, list: List): Promise<readonly string[]> => {
  const orderBy = list.orderBy.endsWith(" desc") ? list.orderBy.slice(0, -" desc".length) : `${list.orderBy} desc`;
  return keyAt(client, { ...list, orderBy }, PAGES * PAGE);
};

/** What the pages after a key read, and take, on average. */
const average = async (client: pg.Client, list: List, first?: readonly string[]): Promise<readonly string[]> => {
  let [buffers, ms, after] = [0, 0, first];
  for (let page = 0; page < PAGES; page++) {
    const found = await explain(client, pageOf(list, after).statement);
    buffers += found.buffers;
    ms += found.ms;
    if (page < PAGES - 1) after = await keyAt(client, list, PAGE, after);
  }
  return [(buffers / PAGES).toFixed(1), (ms / PAGES).toFixed(2)];
};

const measure = async (url: string): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const db = stack.use(await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, call.log));
  await migrate(db, call.log);
  const client = new pg.Client(url);
  await client.connect();
  stack.defer(() => client.end());
  await fill(client);
  const lines: string[][] = [];
  for (const [what, list] of Object.entries(lists)) {
    const line = [what];
    for (const after of [undefined, await lastKeyOf(client, list)]) line.push(...(await average(client, list, after)));
    lines.push(line);
  }
  process.stdout.write(`${formatTable(["list", "first pages: buffers", "ms", "last pages: buffers", "ms"], lines)}\n`);
};

await onDatabase(measure);
