import { sql } from "kysely";
import { expect } from "vitest";
import { openDatabase } from "../../src/db/orm.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools } from "../foreign/tools.ts";
import { expectOutputs } from "../readme/expect-outputs.ts";
import { runSection, sections } from "../readme/sections.ts";
import { createDatabase, silent, test } from "../support/database.ts";
import { freePort } from "../support/postgres.ts";
import { SECRET_KEY } from "../support/userd.ts";

const section = sections.find(({ name }) => name === "kinds");

const freeAddress = async () => ({ host: "127.0.0.1", port: await freePort() });
const freeAddresses = async () => ({ grpcAddress: await freeAddress(), httpAddress: await freeAddress() });

test("a team's kinds are mounted and grow while a Python client writes, as examples/kinds says", { timeout: 600_000 }, async ({ skip }) => {
  if (section === undefined) throw new Error("No section has the name kinds.");
  needTools(skip, ...section.tools);
  await using database = await createDatabase();
  const first = await freeAddresses();
  const listen = { GRPC_LISTEN: formatAddress(first.grpcAddress), HTTP_LISTEN: formatAddress(first.httpAddress) };
  const env = { DATABASE_URL: database.url, SECRET_KEY, DRAIN_SECONDS: "0", WORKERS: "1", ...listen };
  expectOutputs(section, await runSection(section, first, { second: await freeAddresses(), env }));

  // The writer wrote before the newer set was applied, and after it.
  await using db = await openDatabase({ database: { kind: "postgres", url: database.url }, poolSize: 1 }, silent);
  const { rows } = await sql<{ before: boolean; after: boolean; valid: boolean }>`
    select bool_or(create_time < apply_time) as before, bool_or(create_time > apply_time) as after,
      (select indisvalid from pg_index where indexrelid = 'kinds.ticket_organization_id_votes_index'::regclass) as valid
    from kinds.ticket, (select max(apply_time) as apply_time from kinds.applied_set) as newest
    where number like 'W-%'`.execute(db.sql);
  expect(rows).toEqual([{ before: true, after: true, valid: true }]);
});
