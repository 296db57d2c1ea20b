import { readFileSync } from "node:fs";
import { z } from "zod";

const manifest = z.object({ version: z.string(), engines: z.object({ node: z.string() }) });

/** The version of userd, from its package. */
export const { version } = manifest.parse(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")));
