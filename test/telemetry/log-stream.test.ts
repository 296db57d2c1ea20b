import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogStream } from "../../src/telemetry/log-stream.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

/** A reader that takes nothing until it is let. */
const stalled = () => {
  const taken: string[] = [];
  let go: (() => void) | undefined;
  let isOpen = false;
  const reader = new Writable({
    decodeStrings: false,
    write: (line: string, _, done) => {
      taken.push(line);
      if (isOpen) done();
      else go = done;
    },
  });
  return {
    reader,
    taken: () => taken.join("").split("\n").filter(Boolean),
    open: () => {
      isOpen = true;
      go?.();
    },
  };
};

test("lines that find no room are lost and counted, and the log says so when it is read again", async () => {
  const { reader, taken, open } = stalled();
  const stream = createLogStream((lost) => log.warn({ lost }, "lost"), reader, 10_000);
  const log = createLogger("info", stream);
  for (let line = 0; line < 500; line += 1) log.info({ line }, "a line");
  const { lost } = stream;
  expect(lost()).toBeGreaterThan(300);
  expect(await stream.drained(20)).toBe(false);
  open();
  expect(await stream.drained(1_000)).toBe(true);
  log.info("another line");
  expect(await stream.drained(1_000)).toBe(true);
  const lines = taken().map((line) => JSON.parse(line) as { line?: number; lost?: number; msg: string });
  expect(lines.filter(({ msg }) => msg === "a line")).toHaveLength(500 - lost());
  expect(lines.slice(-2)).toMatchObject([{ msg: "another line" }, { msg: "lost", lost: lost() }]);
});

test("nothing is lost while somebody reads, and all of it is there in the end", async () => {
  const { reader, taken, open } = stalled();
  const stream = createLogStream(() => expect.fail("nothing was lost"), reader);
  const log = createLogger("info", stream);
  for (let line = 0; line < 5_000; line += 1) log.info({ line }, "a line");
  open();
  expect(await stream.drained(5_000)).toBe(true);
  expect(taken().map((line) => (JSON.parse(line) as { line: number }).line)).toEqual(Array.from({ length: 5_000 }, (_, line) => line));
});
