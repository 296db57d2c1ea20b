import { writeFile } from "node:fs/promises";
import { loadConfig } from "../config.ts";
import { imageOf } from "../kinds/mounted/image.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { loadMounted } from "./mounted.ts";

/** Writes the descriptor set of the mounted kinds, with their services, to the file `out`, or to standard output for `-`. */
export const run = async ({ out }: { readonly out: string }): Promise<void> => {
  const image = imageOf(loadMounted(loadConfig()));
  if (out === "-") {
    process.stdout.write(image);
    return;
  }
  await writeFile(out, image).catch((error: Error) => {
    throw new CommandError(`The descriptor set can't be written: ${error.message}.`, ExitCode.USAGE);
  });
};
