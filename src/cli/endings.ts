import { ExitCode } from "./exit.ts";

/** An error that nobody caught ends the process with its sentence. */
const end = async (error: unknown): Promise<void> => {
  // Loaded when needed: it knows the errors of all commands.
  const { exitCodeOf, explain } = await import("./explain.ts");
  process.stderr.write(`${explain(error)}\n`, () => process.exit(exitCodeOf(error)));
};

/** Ends what runs in this process with a sentence whatever happens, and never for a reader that went away (`| head`). */
export const endWithSentences = (): void => {
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  process.stderr.on("error", () => {});
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") return;
    process.exitCode = ExitCode.FAILURE;
    process.stderr.write(`userd: What was done can't be printed: ${message}.\n`);
  });
};
