import type { Attack } from "../attack.ts";
import { greedy, hotUser } from "./greedy.ts";
import { gzipOfCaller, gzipOfStranger } from "./gzip.ts";
import { lockedTable } from "./locked-table.ts";
import { overload } from "./overload.ts";

/** All attacks, in the order in which they run. */
export const attacks: readonly Attack[] = [gzipOfStranger, gzipOfCaller, overload, greedy, hotUser, lockedTable];
