import type { Attack } from "../attack.ts";
import { gzipOfCaller, gzipOfStranger } from "./gzip.ts";

/** All attacks, in the order in which they run. */
export const attacks: readonly Attack[] = [gzipOfStranger, gzipOfCaller];
