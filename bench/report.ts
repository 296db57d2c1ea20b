import { cpus } from "node:os";
import { interceptors } from "../src/server/interceptors/index.ts";
import { formatTable } from "../src/table.ts";
import type { Details, Gauge, GaugeRow, Row, SpeedRow } from "./bench.ts";
import type { Comparison, Measured } from "./rounds.ts";
import { startFlags } from "./start-flags.ts";

/** A row of speeds, measured. */
export type Compared = { readonly row: SpeedRow; readonly comparison: Comparison; readonly details: Details };
/** Another row, measured. */
export type Gauged = { readonly row: GaugeRow; readonly gauge: Gauge };
/** A measured row, or why it is not. */
export type Outcome = Compared | Gauged | { readonly row: Row; readonly skipped: string };

/** What the figures were measured on. */
export const machineLine = (database: string): string => {
  const [cpu] = cpus();
  const flags = startFlags.length === 0 ? "" : ` ${startFlags.join(" ")}`;
  return `${cpu?.model.trim()} × ${cpus().length}, Node ${process.versions.node}${flags}, ${database}`;
};

/** The links that every call of userd passes; the yardsticks have none. */
export const chainLine = (): string => `chain: ${interceptors.map(({ name }) => name).join(" › ")}`;

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

const unitOf = (row: Row): string => ("unit" in row ? row.unit : row.valuesPerCall > 1 ? "values/s" : "calls/s");

/** The goal, and whether the ratio reaches it. */
const goalOf = ({ goal }: Row, ratio: number): string => {
  if (goal === undefined) return "";
  const [sign, bound, isMet] = "atLeast" in goal ? ["≥", goal.atLeast, ratio >= goal.atLeast] : ["≤", goal.atMost, ratio <= goal.atMost];
  return `${sign} ${bound} ${isMet ? "met" : "MISSED"}`;
};

const compared = ({ row, comparison: { userd, yardstick, ratio, spread } }: Compared): string[][] => {
  const figures = (unit: string, factor: number) => [
    whole(userd.callsPerSecond * factor),
    whole(yardstick.callsPerSecond * factor),
    two(ratio),
    spread.map(two).join("–"),
    unit,
  ];
  const rest = [
    goalOf(row, ratio),
    latency(userd),
    latency(yardstick),
    `${percent(userd.busy)} / ${percent(yardstick.busy)}`,
    `${microseconds(userd)} / ${microseconds(yardstick)}`,
    row.yardstick,
  ];
  const first = [row.name, ...figures(unitOf(row), row.valuesPerCall), ...rest];
  return row.valuesPerCall > 1 ? [first, ["", ...figures("calls/s", 1), "", "", "", "", "", ""]] : [first];
};

const gauged = ({ row, gauge: { value, yardstick } }: Gauged): string[] => {
  const ratio = value / yardstick;
  return [row.name, whole(value), whole(yardstick), two(ratio), "", row.unit, goalOf(row, ratio), "", "", "", "", row.yardstick];
};

const lines = (outcome: Outcome): string[][] => {
  if ("skipped" in outcome) return [[outcome.row.name, "SKIPPED", "", "", "", "", "", "", "", "", "", outcome.skipped]];
  return "gauge" in outcome ? [gauged(outcome)] : compared(outcome);
};

const head = [
  "row",
  "userd",
  "yardstick",
  "ratio",
  "min–max",
  "unit",
  "goal",
  "p50/p99 ms",
  "yardstick's",
  "busy",
  "CPU µs",
  "held against",
];

/** The table for people. */
export const table = (outcomes: readonly Outcome[]): string => formatTable(head, outcomes.flatMap(lines));

const rounded = (value: number, digits = 3): number => Math.round(value * 10 ** digits) / 10 ** digits;

/** What a row has shown beside the ratio, for people; empty when that is nothing. */
export const detailsLine = (details: Details): string =>
  Object.entries(details)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${rounded(value, 2).toLocaleString("en")}`)
    .join(", ");

const figuresOf = (outcome: Compared | Gauged) => {
  if ("gauge" in outcome) return { ...outcome.gauge, ratio: outcome.gauge.value / outcome.gauge.yardstick };
  const { row, comparison, details } = outcome;
  const [value, yardstick] = [comparison.userd, comparison.yardstick].map(({ callsPerSecond }) => callsPerSecond * row.valuesPerCall);
  return { value, yardstick, ratio: comparison.ratio, details };
};

/** The line for programs. */
export const jsonLine = (outcome: Outcome): string => {
  const { row } = outcome;
  if ("skipped" in outcome) return JSON.stringify({ name: row.name, skipped: outcome.skipped });
  const { value = Number.NaN, yardstick = Number.NaN, ratio, details } = figuresOf(outcome);
  return JSON.stringify({
    name: row.name,
    value: Math.round(value),
    unit: unitOf(row),
    yardstick: Math.round(yardstick),
    ratio: rounded(ratio),
    ...(row.goal && { goal: row.goal }),
    ...Object.fromEntries(Object.entries(details).map(([name, detail]) => [name, rounded(detail)])),
  });
};
