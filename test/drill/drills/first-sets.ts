import pg from "pg";
import { raceFirstSets } from "../../options/contention.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

/** Eight clients of three services set the same options for the first time. */
export const firstSets: Drill = {
  rows: [13],
  name: "first-sets",
  about: "8 clients × 10,000 first-time sets of the same global options; counts rows too many or too few, and calls that failed",
  run: async ({ sharedFleet, of, stack }) => {
    const options = of(200, 10_000);
    const { members, databaseUrl } = await sharedFleet();
    const { userIds, created, failures } = await raceFirstSets(connectClients(members, 8, stack), options);
    const reader = new pg.Client(databaseUrl);
    await reader.connect();
    stack.defer(() => reader.end());
    const { rows } = await reader.query<{ rows: number; doubled: number }>(
      `
      select count(*)::int as rows, (count(*) - count(distinct (user_id, scope_kind, scope_id, key)))::int as doubled
      from user_option where user_id = any($1)`,
      [userIds.map(String)],
    );
    const { rows: stored = 0, doubled = 0 } = rows[0] ?? {};
    const failed = Object.entries(failures).map(([code, count]) => `${count} calls failed with ${code}`);
    const complaints = [...failed, ...(created === options ? [] : [`${created} calls said that they created an option, of ${options}`])];
    return { operations: 8 * options, faults: 0, figure: Math.abs(stored - options) + doubled, bound: 0, complaints };
  },
};
