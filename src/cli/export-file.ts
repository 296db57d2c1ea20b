import { type FileHandle, open, rm } from "node:fs/promises";
import { SingleBar } from "cli-progress";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { exportForSentry } from "../import/writers/export-for-sentry.ts";
import { type ExportProgress, type ExportSink, exportAll } from "../lifecycle/export/export-all.ts";
import { exportResumable, ResumeFault } from "../lifecycle/export/export-resumable.ts";
import { print } from "../print.ts";
import { createVault } from "../secrets/secrets.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { withDatabase } from "./whole-database.ts";

type ExportOptions = ClientOptions & {
  readonly user?: string;
  readonly organization?: string;
  readonly all?: true;
  readonly resumable?: true;
  readonly format: "userd" | "sentry";
  readonly secrets?: true;
  readonly output?: string;
};

/** The longest that the export of one user takes, in milliseconds. */
const USER_MS = 600_000;

/** Writes to standard output, and waits until it was taken. */
const toStandardOutput = (lines: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(lines, (error) => (error ? reject(error) : resolve()));
  });

/** Opens the file of an export, which nobody else may read; it must not be there yet. */
const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw new CommandError(`${path} can't be written: ${(error as Error).message}.`, ExitCode.USAGE);
  }
};

/** Makes what writes to a file, whose first line can be written last. */
const sinkOf = (file: FileHandle): ExportSink => ({
  write: (lines) => file.appendFile(lines),
  writeFirst: async (line) => void (await file.write(line, 0)),
});

/** Shows the progress on standard error, if that is a terminal. */
const progressBar = (): Disposable & { readonly show: (progress: ExportProgress) => void } => {
  const bar = new SingleBar({ format: "{bar} {percentage}% · {value} of {total} rows", hideCursor: true, clearOnComplete: true });
  let isShown = false;
  return {
    show: ({ rows, total }) => {
      if (!process.stderr.isTTY) return;
      if (isShown) bar.update(rows);
      else bar.start(total, rows);
      isShown = true;
    },
    [Symbol.dispose]: () => bar.stop(),
  };
};

const idOf = (option: string, id: string): bigint => {
  if (/^[1-9]\d{0,18}$/.test(id)) return BigInt(id);
  throw new CommandError(`${option} has to be an id: a number above 0.`, ExitCode.USAGE);
};

const exportUser = async (userId: bigint, options: ExportOptions, { write }: ExportSink): Promise<void> => {
  const request = { userId, includeSecrets: options.secrets === true };
  for await (const { line } of connect(UserService, options).exportUser(request, { timeoutMs: USER_MS }))
    await write(Buffer.from(`${line}\n`));
};

/** Begins an export that can be gone on with, or goes on with the one in the file. */
const exportAgain = async ({ all, output, format, secrets }: ExportOptions): Promise<void> => {
  if (all === undefined || output === undefined || format === "sentry")
    throw new CommandError("--resumable takes --all, --output, and userd's own format.", ExitCode.USAGE);
  using progress = progressBar();
  try {
    const users = await withDatabase((db) => exportResumable(db, output, secrets === true, progress.show));
    print(`${output} is done: ${users} users.\n`);
  } catch (error) {
    if (error instanceof ResumeFault) throw new CommandError(error.message, ExitCode.USAGE, { cause: error });
    throw error;
  }
};

/** Writes an export to the file, or to standard output. */
export const run = async (options: ExportOptions): Promise<void> => {
  const { user, organization, all, secrets = false, output } = options;
  if ([user, organization, all].filter((one) => one !== undefined).length !== 1)
    throw new CommandError("Name one of --user, --organization and --all.", ExitCode.USAGE);
  if (options.format === "sentry" && all === undefined)
    throw new CommandError("--format sentry writes everything: name --all.", ExitCode.USAGE);
  if (options.resumable) return exportAgain(options);
  const userId = user === undefined ? undefined : idOf("--user", user);
  const organizationId = organization === undefined ? undefined : idOf("--organization", organization);
  const exportTo = async (sink: ExportSink): Promise<void> => {
    if (userId !== undefined) return exportUser(userId, options, sink);
    using progress = progressBar();
    await withDatabase<unknown>((db) =>
      options.format === "sentry"
        ? exportForSentry(
            db,
            { withSecrets: secrets, vault: createVault(db.secretKey) },
            (text) => sink.write(Buffer.from(text)),
            progress.show,
          )
        : exportAll(db, { organizationId, withSecrets: secrets }, sink, progress.show),
    );
  };
  if (output === undefined) return exportTo({ write: toStandardOutput });
  await using file = await openFile(output);
  try {
    await exportTo(sinkOf(file));
    await file.sync();
  } catch (error) {
    // Else the next attempt would find a file in its way.
    await rm(output, { force: true });
    throw error;
  }
};
