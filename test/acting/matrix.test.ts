import { expect } from "vitest";
import { methods } from "../contract/methods.ts";
import { test } from "./fixture.ts";
import { cellsOf, runMatrix } from "./matrix.ts";
import { readTable } from "./table.ts";

/** Of so many cells one is called here; whole-matrix.test.ts calls all of them. */
const SAMPLE = 61;

test("a sample of the matrix of RPCs, callers, acting users and targets is as the printed table says", async ({ frozen }) => {
  const all = await cellsOf(frozen.transport, frozen.world, readTable());
  // A prime step through cells in the order of their RPCs comes by each RPC, and by each caller.
  const cells = all.filter(({ row, caller }, index) => (caller.permissions.has(row.permission) ? index % SAMPLE === 0 : index % 97 === 0));
  const { differing, unlike } = await runMatrix(frozen.transport, cells);
  expect(differing).toEqual([]);
  expect(unlike).toEqual([]);
});

test("the printed table has every RPC that is written by hand", () => {
  const byHand = methods
    .filter(({ parent }) => !parent.typeName.startsWith("userd.kinds."))
    .map(({ parent, name }) => `${parent.name}/${name}`);
  expect(readTable().map(({ rpc }) => rpc)).toEqual(byHand);
});
