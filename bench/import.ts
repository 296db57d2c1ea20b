// node bench/import.ts [--shape mixed|lopsided] [--share 1] [--halves] [--on-top fail|skip|remap|merge]: what the steps of an
// import cost on a private PostgreSQL. README.md says more.
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { pino } from "pino";
import { migrate } from "../src/db/migrate.ts";
import { openDatabase } from "../src/db/orm.ts";
import { type ImportOptions, runImport } from "../src/import/import.ts";
import type { ImportReport } from "../src/import/report.ts";
import { formatTable } from "../src/table.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { type ExportRecord, generateExport } from "./generator/export.ts";
import { generateLopsidedExport } from "./generator/lopsided-export.ts";

/** What the mixed file is promised to take at most. */
const PROMISE_S = 90;

const shapes = { mixed: generateExport, lopsided: generateLopsidedExport } as const;
const modes = ["fail", "skip", "remap", "merge"] as const;

const {
  values: { shape, share, halves, "on-top": onTop },
} = parseArgs({
  options: {
    shape: { type: "string", default: "mixed" },
    share: { type: "string", default: "1" },
    halves: { type: "boolean", default: false },
    "on-top": { type: "string" },
  },
});
const records = shapes[shape as keyof typeof shapes];
const onConflict = modes.find((mode) => mode === onTop);
if (records === undefined || (onTop !== undefined && onConflict === undefined) || !(Number(share) > 0)) {
  throw new Error("usage: node bench/import.ts [--shape mixed|lopsided] [--share 1] [--halves] [--on-top fail|skip|remap|merge]");
}

const log = pino({ level: "silent" });
const print = (line: string) => void process.stdout.write(`${line}\n`);

function* asJson(all: Iterable<ExportRecord>): Generator<string> {
  let lines = "[";
  for (const record of all) {
    lines += `${lines === "[" ? "" : ",\n"}${JSON.stringify(record)}`;
    if (lines.length < 256 * 1024) continue;
    yield lines;
    lines = "";
  }
  yield `${lines}]`;
}

/** Writes the file; its size in megabytes. */
const writeExport = async (path: string, part: number): Promise<number> => {
  await pipeline(Readable.from(asJson(records(part))), createWriteStream(path));
  return (await stat(path)).size / 1e6;
};

/** Seconds of a step: by the clock, and of the processors. The second hardly depend on what else the machine does. */
type Cost = { readonly seconds: number; readonly own: number; readonly database: number };
type Timed = { readonly report: ImportReport; readonly steps: ReadonlyMap<string, Cost>; readonly total: Cost };

const TICKS_PER_SECOND = 100;

/** Processor seconds of PostgreSQL so far, those of connections that have ended too; 0 where the system does not tell. */
const databaseSeconds = (postmaster: string): number => {
  const ticksOf = (pid: string, first: number): number => {
    // After the name, which may hold spaces: from the third field on.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return Number(fields[first - 3]) + Number(fields[first - 2]);
  };
  try {
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, "utf8").trim().split(" ");
    return [ticksOf(postmaster, 16), ...children.map((pid) => ticksOf(pid, 14))].reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
};

/** Imports a file; a step may come several times, before and after conflicts are known. */
const timeImport = async (url: string, path: string, options: ImportOptions = {}): Promise<Timed> => {
  await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 4 }, log);
  const now = (): Cost => {
    const { user, system } = process.cpuUsage();
    return { seconds: performance.now() / 1_000, own: (user + system) / 1e6, database: databaseSeconds(postmaster) };
  };
  const since = (then: Cost, more: Cost = { seconds: 0, own: 0, database: 0 }): Cost => {
    const { seconds, own, database } = now();
    return {
      seconds: more.seconds + seconds - then.seconds,
      own: more.own + own - then.own,
      database: more.database + database - then.database,
    };
  };
  const begun = now();
  const steps = new Map<string, Cost>();
  let [step, entered] = ["reading", begun];
  const enter = (next: string) => {
    steps.set(step, since(entered, steps.get(step)));
    [step, entered] = [next, now()];
  };
  const report = await runImport({ ...db, secretKey: Buffer.alloc(32, 7) }, createReadStream(path), {
    ...options,
    onProgress: ({ phase }) => phase !== step && enter(phase),
    beforeCommit: async () => enter("committing"),
  });
  enter("");
  return { report, steps, total: since(begun) };
};

const countsOf = ({ models }: ImportReport): string =>
  formatTable(
    ["model", "read", "created", "updated", "unchanged", "skipped"],
    models.map(({ model, ...counts }) => [model, ...Object.values(counts).map(String)]),
  );

const postgres = await startPostgres();
const folder = await mkdtemp(join(tmpdir(), "userd-bench-import-"));

const findPostmaster = async (): Promise<string> => {
  const admin = new pg.Client(postgres.url);
  await admin.connect();
  const { rows } = await admin.query<{ pid: string }>("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid");
  await admin.end();
  return rows[0]?.pid ?? "";
};
const postmaster = await findPostmaster();

/** A migrated database of its own. */
const newDatabase = async (name: string): Promise<string> => {
  const admin = new pg.Client(postgres.url);
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  await using db = await openDatabase({ database: { kind: "postgres", url: url.href }, poolSize: 2 }, log);
  await migrate(db, log);
  return url.href;
};

type Measured = { readonly size: number; readonly timed: Timed };

/** Imports a file into an empty database, or, on top of itself, as a stranger's: then the second time counts. */
const measure = async (name: string, part: number): Promise<Measured> => {
  const path = join(folder, "export.json");
  const size = await writeExport(path, part);
  const url = await newDatabase(name);
  const first = await timeImport(url, path);
  if (onConflict === undefined) return { size, timed: first };
  const client = new pg.Client(url);
  await client.connect();
  // Every id and every name of the file is somebody else's here.
  await client.query("set session_replication_role = replica");
  for (const table of ["users", "organization", "project", "team", "account"]) await client.query(`update ${table} set id = -id`);
  await client.query("vacuum analyze");
  await client.end();
  return { size, timed: await timeImport(url, path, { onConflict }) };
};

try {
  print(`load before: ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores`);
  const half = halves ? await measure("half", Number(share) / 2) : undefined;
  const whole = await measure("whole", Number(share));
  const { report, steps, total } = whole.timed;
  print(countsOf(report));
  for (const [title, listings] of Object.entries({ skipped: report.skipped, noted: report.notes }))
    for (const { reason, count } of listings) print(`${title}: ${count}  ${reason}`);
  const figures = ({ seconds, own, database }: Cost) => [seconds, own, database].map((figure) => figure.toFixed(2));
  const compared = (name: string, { own, database }: Cost) => {
    const less = half?.timed.steps.get(name);
    return less ? [(less.own + less.database).toFixed(2), ((own + database) / (less.own + less.database)).toFixed(1)] : [];
  };
  print(
    formatTable(
      ["step", "s", "CPU s", "CPU s of PostgreSQL", ...(half ? ["both at half", "ratio"] : [])],
      [...steps].map(([name, cost]) => [name, ...figures(cost), ...compared(name, cost)]),
    ),
  );
  print(`load after: ${loadavg()[0]?.toFixed(1)}; peak RSS of this process: ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
  for (const { size, timed } of half ? [half, whole] : [whole]) {
    const { seconds, own, database } = timed.total;
    print(
      `${size.toFixed(0)} MB, ${timed.report.records} records, ${timed.report.conflicts.length} conflicts: ${seconds.toFixed(1)} s ` +
        `(CPU ${own.toFixed(1)} s, of PostgreSQL ${database.toFixed(1)} s)`,
    );
  }
  if (shape === "mixed" && Number(share) === 1 && onConflict === undefined) {
    print(`${PROMISE_S} s: ${total.seconds <= PROMISE_S ? "kept" : "NOT KEPT"}`);
    if (total.seconds > PROMISE_S) process.exitCode = 1;
  }
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
