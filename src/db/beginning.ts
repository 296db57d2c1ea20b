import type { CompiledQuery } from "kysely";
import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { listed } from "./aggregates.ts";
import { compiled, place } from "./compiled.ts";

/** What the database is told of a write: who writes, for its log, as texts (empty = none), and the milliseconds that a statement may take. */
export type Writer = {
  readonly caller: string;
  readonly actingUserId: string;
  readonly requestId: string;
  readonly reason: string;
  readonly left: string;
};

/** The longest that a statement of a write may run, in milliseconds: the deadline of a stream is far away. */
const MAX_MS = 60_000;

/** The time that is left of a call, which each statement of its write may take, in milliseconds. */
export const timeLeft = ({ deadline }: Call): number => Math.min(MAX_MS, Math.max(1, Math.ceil(deadline - Date.now())));

/** Returns what the database is told of the write of a call. */
export const writerOf = (call: Call, left: number): Writer => ({
  caller: call.caller.name,
  actingUserId: call.actingUserId === undefined ? "" : String(call.actingUserId),
  requestId: call.requestId,
  reason: call.reason ?? "",
  left: String(left),
});

const beginWrite = compiled(sql`select begin_write(
  ${place("caller")}, ${place("actingUserId")}, ${place("requestId")}, ${place("reason")}, ${place("left")},
  ${place("kinds")}::text[], ${place("ids")}::bigint[])`);

/** Makes the statement that sets who writes, for the triggers, limits every statement to the time that is left, and locks aggregates that are known. */
export const beginningOf = (writer: Writer, { kinds, ids }: NonNullable<ReturnType<typeof listed>>): CompiledQuery =>
  beginWrite({ ...writer, kinds, ids });
