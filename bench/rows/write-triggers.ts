import pg from "pg";
import type { Row } from "../bench.ts";
import type { Side } from "../rounds.ts";
import { prepareWrites } from "./set-option.ts";

/** What `track_changes` has given its triggers to. */
const trackedTables = `select distinct tgrelid::regclass::text as name from pg_trigger
  where tgfoid = to_regproc(format('%s_changed', tgrelid::regclass))`;

/** SetOption with the triggers of the tracked tables, against the same without: what versions, change log and revisions cost. */
export const writeTriggers: Row = {
  name: "write_triggers",
  yardstick: "SetOption without the triggers (userd too)",
  goal: { atLeast: 0.7 },
  valuesPerCall: 1,
  prepare: async (bench) => {
    await using stack = new AsyncDisposableStack();
    const client = new pg.Client(bench.service.databaseUrl);
    await client.connect();
    stack.defer(() => client.end());
    const { rows: tables } = await client.query<{ name: string }>(trackedTables);
    if (!tables.some(({ name }) => name === "user_option")) throw new Error("Nothing tracks user_option: the bench has to follow it.");
    const all = async (change: "disable" | "enable") => {
      for (const { name } of tables) await client.query(`alter table ${name} ${change} trigger user`);
    };
    const { side, load } = await prepareWrites(bench);
    // The same process, the same rows, and between the rounds no difference but this one.
    const without: Side = async (options) => {
      await all("disable");
      try {
        return await side(options);
      } finally {
        await all("enable");
      }
    };
    const running = stack.move();
    return { userd: side, yardstick: without, load, [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};
