import type { AnsweredReason } from "../../src/server/interceptors/declared.ts";

/** A reason with which an RPC, or an entry of its answer, is answered. */
export type Answered = Pick<AnsweredReason, "method" | "reason" | "isEntry">;

/** An answered reason as a line of text. */
export const lineOf = ({ method, reason, isEntry }: Answered): string => `${method} ${reason}${isEntry ? " of an entry" : ""}`;
