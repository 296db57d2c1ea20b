import { test } from "vitest";
import { openDatabase } from "../../src/db/orm.ts";
import { expectJsonOf } from "../lifecycle/odd-rows.ts";
import { silent } from "../support/database.ts";

test("U44 the embedded database exports the rows of row_to_json, too", async () => {
  await using db = await openDatabase({ database: { kind: "pglite", folder: "memory" }, poolSize: 2 }, silent);
  await expectJsonOf(db);
});
