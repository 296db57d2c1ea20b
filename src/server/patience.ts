import { constants, type ServerHttp2Stream } from "node:http2";
import { DomainError } from "../errors.ts";

/** The time between two looks at the calls that wait for their clients, in milliseconds. */
const sweepMs = 1_000;

/** The number of looks for which an answer may wait for its client beyond the deadline of the call, and a client go on sending behind it. */
const answerSweeps = 5;

/** An open call, as far as it waits for its client. */
export type Patient = {
  readonly stream: ServerHttp2Stream;
  /** Whether its request has arrived as a whole. */
  readonly isComplete: boolean;
  readonly isAnswered: boolean;
  /** When its request has to be there, by `performance.now()`; Infinity = it may take any time. */
  readonly lateAt: number;
  /** When a client that has sent its request has to have taken the answer, in milliseconds since the epoch. */
  readonly takesUntil: number;
  /** How often the call was looked at since it was answered. */
  sweeps: number;
  /** Its neighbours in the list. */
  before: Patient | undefined;
  after: Patient | undefined;
  /** Answers the call with an error that is not its operation's, and counts it. */
  readonly fail: (error: Error) => void;
};

/** Ends a call if it has waited too long for its client. */
const lookAt = (call: Patient, now: number): void => {
  const { isComplete } = call;
  if (call.isAnswered) {
    call.sweeps += 1;
    // The deadline is the client's for taking one answer; behind an early answer it may send no longer than others.
    const isDue = !isComplete || Date.now() > call.takesUntil;
    if (isDue && call.sweeps > answerSweeps) call.stream.close(isComplete ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_NO_ERROR);
  } else if (!isComplete && call.lateAt <= now) {
    call.fail(new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The request did not arrive in time."));
  }
};

/** The calls that may have to wait for their clients. */
export type Patients = {
  readonly add: (call: Patient) => void;
  /** Removes a call that is in the list. */
  readonly remove: (call: Patient) => void;
  readonly stop: () => void;
};

/** Makes the list of open calls, the oldest first, and looks at them. A Map would keep ended calls in memory (`keepStreamsInSlots` says why). */
export const createPatients = (): Patients => {
  let oldest: Patient | undefined;
  let newest: Patient | undefined;
  const sweep = (): void => {
    const now = performance.now();
    for (let call = oldest; call !== undefined; ) {
      const { after } = call;
      lookAt(call, now);
      call = after;
    }
  };
  const timer = setInterval(sweep, sweepMs).unref();
  return {
    add: (call) => {
      call.before = newest;
      if (newest === undefined) oldest = call;
      else newest.after = call;
      newest = call;
    },
    remove: (call) => {
      const { before, after } = call;
      if (before === undefined) oldest = after;
      else before.after = after;
      if (after === undefined) newest = before;
      else after.before = before;
      call.before = undefined;
      call.after = undefined;
    },
    stop: () => clearInterval(timer),
  };
};
