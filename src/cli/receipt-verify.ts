import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type ErasedKind, erasedKinds, kindOfStatement, type Statement, verifiedStatement } from "../lifecycle/erasure/receipts.ts";
import { print } from "../print.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { receiptsOfSettings } from "./receipts.ts";

type VerifyOptions = { readonly publicKey?: string } & { readonly [kind in ErasedKind]?: string };

const receipt = z.object({ statement: z.string(), signature: z.string() });
/** A receipt, an erasure that has one, or the answer of a purge. */
const file = z.union([receipt, z.object({ receipt }).transform((answer) => answer.receipt)]);

const readReceipt = async (path: string): Promise<z.infer<typeof receipt>> => {
  try {
    return file.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw new CommandError(`${path} is no receipt in JSON.`, ExitCode.USAGE, { cause: error });
  }
};

/** Checks that a receipt is about what the options name. */
const requireSubject = ({ subject }: Statement, options: VerifyOptions): void => {
  for (const kind of erasedKinds) {
    const id = options[kind];
    if (id === undefined) continue;
    if (!/^[1-9]\d{0,18}$/.test(id)) throw new CommandError(`--${kind} has to be an id: a number above 0.`, ExitCode.USAGE);
    if (receiptsOfSettings().subjectOf({ kind, id: BigInt(id) }) !== subject)
      throw new CommandError(`The receipt is not about the ${kind} ${id}.`, ExitCode.FAILURE);
  }
};

/** Checks a receipt, and prints what it says. */
export const run = async (path: string, options: VerifyOptions): Promise<void> => {
  const { publicKey } = options;
  const { statement, signature } = await readReceipt(path);
  const key = publicKey === undefined ? receiptsOfSettings().publicKey : Buffer.from(publicKey, "base64");
  if (key.length !== 32) throw new CommandError("--public-key has to be 32 bytes in base64.", ExitCode.USAGE);
  const content = verifiedStatement({ statement, signature: Buffer.from(signature, "base64") }, key);
  if (content === undefined) throw new CommandError("The receipt was not signed by this key, or was changed since.", ExitCode.FAILURE);
  requireSubject(content, options);
  const rows = Object.entries(content.tables).map(([table, count]) => `  ${table}: ${count}\n`);
  const later = (content.later ?? []).map((table) => `  ${table}: hidden at once, and removed later\n`);
  print(
    `The receipt is genuine.\n${kindOfStatement(content)} ${content.subject}\nerased at ${content.eraseTime}, by version ${content.policyVersion} of the rules\nrows:\n${[...rows, ...later].join("")}`,
  );
};
