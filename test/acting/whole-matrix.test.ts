import { expect } from "vitest";
import { test } from "./fixture.ts";
import { cellsOf, runMatrix } from "./matrix.ts";
import { readTable } from "./table.ts";

test("every cell of RPCs, callers, acting users and targets is as the printed table says", { timeout: 590_000 }, async ({ frozen }) => {
  const started = performance.now();
  const cells = await cellsOf(frozen.transport, frozen.world, readTable());
  const outcome = await runMatrix(frozen.transport, cells);
  process.stdout.write(
    `${JSON.stringify({
      test: "acting matrix",
      cells: outcome.cells,
      through: outcome.through,
      seconds: Math.round((performance.now() - started) / 1000),
    })}\n`,
  );
  expect(outcome.differing.slice(0, 40), `${outcome.differing.length} of ${outcome.cells} cells differ`).toEqual([]);
  expect(outcome.unlike.slice(0, 20), `${outcome.unlike.length} refusals tell what is there`).toEqual([]);
});
