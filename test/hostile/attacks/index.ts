import type { Attack } from "../attack.ts";
import { sizeBombs } from "./bombs.ts";
import { frames, rapidReset } from "./frames.ts";
import { greedy, hotUser } from "./greedy.ts";
import { gzipOfCaller, gzipOfStranger } from "./gzip.ts";
import { lockedTable } from "./locked-table.ts";
import { logReader } from "./log-reader.ts";
import { overload } from "./overload.ts";
import { pages } from "./pages.ts";
import { rebinding } from "./rebinding.ts";
import { reflection } from "./reflection.ts";
import { silentFromMany, silentFromOne } from "./silent.ts";
import { waiting } from "./waiting.ts";

/** All attacks, in the order in which they run. */
export const attacks: readonly Attack[] = [
  gzipOfStranger,
  gzipOfCaller,
  reflection,
  silentFromOne,
  silentFromMany,
  waiting,
  pages,
  rebinding,
  sizeBombs,
  frames,
  rapidReset,
  overload,
  greedy,
  hotUser,
  lockedTable,
  logReader,
];
