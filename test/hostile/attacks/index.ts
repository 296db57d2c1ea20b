import type { Attack } from "../attack.ts";
import { frames } from "./frames.ts";
import { gzipOfCaller, gzipOfStranger } from "./gzip.ts";
import { pages } from "./pages.ts";
import { rebinding } from "./rebinding.ts";
import { reflection } from "./reflection.ts";
import { silentFromMany, silentFromOne } from "./silent.ts";
import { slowBodies, slowStrangers, unread } from "./waiting.ts";

/** All attacks, in the order in which they run. */
export const attacks: readonly Attack[] = [
  gzipOfStranger,
  gzipOfCaller,
  reflection,
  silentFromOne,
  silentFromMany,
  slowStrangers,
  slowBodies,
  unread,
  pages,
  rebinding,
  frames,
];
