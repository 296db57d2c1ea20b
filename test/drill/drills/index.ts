import type { Drill } from "../drill.ts";
import { cancellations } from "./cancellations.ts";
import { databaseCrash } from "./database-crash.ts";
import { erasure } from "./erasure.ts";
import { feed } from "./feed.ts";
import { firstSets } from "./first-sets.ts";
import { forgotten } from "./forgotten.ts";
import { growth } from "./growth.ts";
import { halfDone } from "./half-done.ts";
import { herd } from "./herd.ts";
import { kills } from "./kills.ts";
import { lostNotifications } from "./lost-notifications.ts";
import { lostUpdate } from "./lost-update.ts";
import { mergeStorm } from "./merge-storm.ts";
import { migration } from "./migration.ts";
import { nearCache } from "./near-cache.ts";
import { openTransaction } from "./open-transaction.ts";
import { outage } from "./outage.ts";
import { poolExhaustion } from "./pool-exhaustion.ts";
import { readYourWrites } from "./read-your-writes.ts";
import { restore } from "./restore.ts";
import { retries } from "./retries.ts";
import { rollingRestart } from "./rolling-restart.ts";

/** All drills, in the order in which they run. */
export const drills: readonly Drill[] = [
  firstSets,
  lostUpdate,
  mergeStorm,
  retries,
  readYourWrites,
  lostNotifications,
  erasure,
  forgotten,
  growth,
  herd,
  kills,
  halfDone,
  rollingRestart,
  migration,
  databaseCrash,
  outage,
  poolExhaustion,
  cancellations,
  feed,
  nearCache,
  openTransaction,
  restore,
];
