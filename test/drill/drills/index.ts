import type { Drill } from "../drill.ts";
import { firstSets } from "./first-sets.ts";
import { kills } from "./kills.ts";
import { lostUpdate } from "./lost-update.ts";
import { retries } from "./retries.ts";

/** All drills, in the order in which they run. */
export const drills: readonly Drill[] = [firstSets, lostUpdate, retries, kills];
