import { formatTable } from "../table.ts";
import { type Conflict, type ImportReport, isEmpty, type Listing, type NameCount } from "./report.ts";

const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** As JSON: a name from a file can't move the cursor of a terminal. */
const quoted = (name: string): string => JSON.stringify(name);
const plain = (name: string): string => quoted(name).slice(1, -1);

const describeConflict = ({ kind, model, record, pk, name, nameHere, idHere }: Conflict): string => {
  const reasons = [
    ...(nameHere === null ? [] : [`${pk ?? "its id"} is ${quoted(nameHere)} here`]),
    ...(idHere === null ? [] : [`${quoted(name)} is ${kind.replaceAll("_", " ")} ${idHere} here`]),
  ];
  return `${[model, pk, quoted(name)].filter((part) => part !== null).join(" ")} (record ${record}): ${reasons.join(", and ")}`;
};

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];

const listed = (listings: readonly Listing[]): string[] =>
  listings.flatMap(({ reason, count, examples }) => [
    `${count} × ${reason}`,
    ...examples.map((example) => `    ${example}`),
    ...(count > examples.length ? [`    … and ${count - examples.length} more`] : []),
  ]);

const counted = (names: readonly NameCount[]): string[] =>
  names.map(({ name, count, reason }) => `${count} × ${plain(name)}${reason === undefined ? "" : ` (${reason})`}`);

/** The sentence that the report shows if the file has nothing that userd stores (`isEmpty`). */
export const NOTHING_HELD = "Nothing in the file is held: what userd reads stands in docs/import.md. Is it the right file?";

const outcome = (report: ImportReport): string => {
  const { stored, dryRun, records, conflicts } = report;
  if (isEmpty(report)) return NOTHING_HELD;
  if (stored) return `Stored; ${countOf(records, "record")} read.`;
  if (dryRun) return "A dry run: nothing was stored.";
  return `${countOf(conflicts.length, "conflict")}: nothing was stored. --on-conflict=skip leaves such records out, --on-conflict=remap gives them new ids, --on-conflict=merge joins users to the accounts of that name.`;
};

/** Formats the report of an import as text for people: a table, followed by lists. */
export const formatReport = (report: ImportReport): string => {
  const columns = ["read", "created", "updated", "unchanged", "skipped"] as const;
  const rows = report.models.map((model) => [model.model, ...columns.map((column) => String(model[column]))]);
  return [
    formatTable(["model", ...columns], rows),
    ...section("Models that userd does not hold:", counted(report.notHeld)),
    ...section("Fields that userd has no place for:", counted(report.unknownFields)),
    ...section("Skipped:", listed(report.skipped)),
    ...section("To know:", listed(report.notes)),
    ...section("Conflicts:", report.conflicts.map(describeConflict)),
    ...section(
      "With another id here:",
      report.remapped.map(({ kind, pk, id }) => `${kind.replaceAll("_", " ")} ${pk} → ${id}`),
    ),
    "",
    outcome(report),
    "",
  ].join("\n");
};
