// userd whose process gives no positions to changes: what the sequencer costs is the difference.
import { loadConfig } from "../../src/config.ts";
import { main } from "../../src/main.ts";

await main(loadConfig({ WORKERS: "1" }), { migrate: true, isSequencing: false });
