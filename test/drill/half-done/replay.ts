import { join } from "node:path";
import { appendToLedger } from "../../../src/lifecycle/erasure/ledger.ts";
import { createUsers } from "../../support/build.ts";
import { runUserd, temporaryFolder } from "../../support/userd.ts";
import { clientsOf, commitOf, killCommand } from "../kill.ts";
import type { Failpoint } from "./failpoint.ts";
import { receipts, wronglyErased } from "./purge.ts";

/** So many users that the ledger is replayed in three batches. */
const USERS = 120;
const BATCHES = 3;

/** A replay of a ledger that is killed at the commit of one of its batches. */
export const replay: Failpoint = async ({ member, databaseUrl, client }, moment, time) => {
  await using folder = await temporaryFolder();
  const ledger = join(folder.path, "ledger");
  const ids = (await createUsers(clientsOf(member), USERS)).map(({ id }) => id);
  await client.query(
    "insert into user_option (user_id, scope_kind, scope_id, key, value) select id, 0, 0, 'k', '1' from unnest($1::bigint[]) id",
    [ids.map(String)],
  );
  await appendToLedger(
    ledger,
    ids.map((id) => receipts.receiptOf({ kind: "user", id }, new Date(), { tables: {}, later: [] })),
  );
  const args = ["purge", "--replay", "--ledger", ledger];
  const killed = await killCommand(args, databaseUrl, commitOf(1 + (time % BATCHES)), moment);
  const { wrong, left } = await wronglyErased(client, ids);
  const again = await runUserd(args, { settings: { DATABASE_URL: databaseUrl } });
  const end = await wronglyErased(client, ids);
  const complaints = [
    ...(wrong + end.wrong > 0 ? ["users are half erased by a batch"] : []),
    ...(again.code !== 0 || end.left > 0 ? [`a replay did not go on after the kill: ${end.left} of ${left} users are left`] : []),
  ];
  return { kills: [killed], complaints };
};
