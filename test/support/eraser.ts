import { createEraser } from "../../src/lifecycle/erasure/eraser.ts";

/** The eraser of a service with the key of the tests, without a ledger. */
export const testEraser = createEraser(Buffer.alloc(32, 7), { key: undefined, ledger: undefined });
