import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { CommandError, ExitCode } from "./exit.ts";

/** Makes an output that swallows what readline echoes. */
const mute = () => new Writable({ write: (_chunk, _encoding, done) => done() });

const firstLine = async (): Promise<string> => {
  const lines = createInterface({ input: process.stdin, output: mute(), terminal: process.stdin.isTTY });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
  }
};

/** Reads a password from standard input, typed unseen or piped. Other users of the machine could read a password in a command's arguments. */
export const readPassword = async (): Promise<string> => {
  if (process.stdin.isTTY) process.stderr.write("New password: ");
  const password = await firstLine();
  if (process.stdin.isTTY) process.stderr.write("\n");
  if (password === "") throw new CommandError("The password must not be empty.", ExitCode.USAGE);
  return password;
};
