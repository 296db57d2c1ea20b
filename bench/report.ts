import { cpus } from "node:os";
import { formatTable } from "../src/cli/table.ts";
import { chain } from "../src/server/chain/index.ts";
import type { Row } from "./bench.ts";
import type { Comparison, Measured } from "./rounds.ts";

/** A measured row. */
export type Outcome = { readonly row: Row; readonly comparison: Comparison };

/** What the figures were measured on. */
export const machineLine = (database: string): string => {
  const [cpu] = cpus();
  return `${cpu?.model.trim()} × ${cpus().length}, Node ${process.versions.node}, ${database}`;
};

/** The links that every call of userd passes; the yardsticks have none. */
export const chainLine = (): string => `chain: ${chain.map(({ name }) => name).join(" › ")}`;

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const two = (value: number): string => value.toFixed(2);
const percent = (share: number | undefined): string => (share === undefined ? "?" : `${Math.round(share * 100)} %`);
const latency = ({ latency: measured }: Measured): string =>
  measured === undefined ? "?" : `${measured.p50.toFixed(1)} / ${measured.p99.toFixed(1)}`;

/** The CPU time of the process per call. */
const microseconds = ({ busy, callsPerSecond }: Measured): string => {
  if (busy === undefined) return "?";
  const each = (busy * 1e6) / callsPerSecond;
  return each < 100 ? each.toFixed(1) : whole(each);
};

const unitOf = (row: Row): string => (row.valuesPerCall > 1 ? "values/s" : "calls/s");

const lines = ({ row, comparison: { userd, yardstick, ratio, spread } }: Outcome): string[][] => {
  const figures = (unit: string, factor: number) => [
    whole(userd.callsPerSecond * factor),
    whole(yardstick.callsPerSecond * factor),
    two(ratio),
    spread.map(two).join("–"),
    unit,
  ];
  const rest = [
    latency(userd),
    latency(yardstick),
    `${percent(userd.busy)} / ${percent(yardstick.busy)}`,
    `${microseconds(userd)} / ${microseconds(yardstick)}`,
    row.yardstick,
  ];
  const first = [row.name, ...figures(unitOf(row), row.valuesPerCall), ...rest];
  return row.valuesPerCall > 1 ? [first, ["", ...figures("calls/s", 1), "", "", "", "", ""]] : [first];
};

const head = ["row", "userd", "yardstick", "ratio", "min–max", "unit", "p50/p99 ms", "yardstick's", "busy", "CPU µs", "held against"];

/** The table for people. */
export const table = (outcomes: readonly Outcome[]): string => formatTable(head, outcomes.flatMap(lines));

/** The line for programs. */
export const jsonLine = ({ row, comparison: { userd, yardstick, ratio } }: Outcome): string =>
  JSON.stringify({
    name: row.name,
    value: Math.round(userd.callsPerSecond * row.valuesPerCall),
    unit: unitOf(row),
    yardstick: Math.round(yardstick.callsPerSecond * row.valuesPerCall),
    ratio: Math.round(ratio * 1_000) / 1_000,
  });
