import { ExitCode } from "./exit.ts";

/** Ends the process with the sentence of an error that nobody caught. */
const end = async (error: unknown): Promise<void> => {
  // Loaded when needed: it knows the errors of all commands.
  const { exitCodeOf, explain } = await import("./explain.ts");
  process.stderr.write(`${explain(error)}\n`, () => process.exit(exitCodeOf(error)));
};

/** Sets this process up to print one sentence about any error that ends it. Output to a closed pipe (`| head`) is no error. */
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
