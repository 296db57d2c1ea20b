// One round of the purge in a process of its own, to be killed: node purge-once.ts DATABASE_URL

import { openDatabase } from "../../src/db/orm.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { testEraser } from "./eraser.ts";

const [url = ""] = process.argv.slice(2);
const log = createLogger("silent");
await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 1 }, log);
await using purger = startPurger(db, createSystemUser("sentry"), 2_000, log, testEraser);
await purger.purge();
