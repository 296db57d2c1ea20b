import { expect } from "vitest";
import { test } from "../support/pglite.ts";
import { addUser, feedAfter, sequencerOf, setOption } from "./feed-fixture.ts";

test("the embedded database gives positions, too", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const { position: before } = await sequencer.run();
  const user = await addUser(db);
  await setOption(db, user, "a");
  await sequencer.run();
  expect((await feedAfter(db, before)).map(({ key }) => key)).toEqual([`users:${user}`, "user_option:0/0/a"]);
});
