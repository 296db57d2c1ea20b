import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import type { Logger } from "pino";
import type { Call } from "../../call.ts";
import { DomainError } from "../../errors.ts";
import type { Rpc } from "../rpc.ts";
import { traceIdOf } from "./trace.ts";

/** What a listener tells of one call. */
export type Transport = {
  /** A request header by its lower-case name; undefined when absent. */
  readonly header: (name: string) => string | undefined;
  /** When the client stops waiting, in milliseconds since the epoch; Infinity when it did not say. */
  readonly deadline: number;
  /** Has `listener` called when the client goes away. Called at most once per call, and only for calls that last. */
  readonly onCancel: (listener: () => void) => void;
  /** Where an RPC that answers with a stream writes what its codec makes; it is the transport that ends it. */
  readonly outlet?: Writable;
};

/** One call on its way through the chain: what the links know beyond the operation's `Call`. */
export type Invocation = {
  readonly rpc: Rpc;
  readonly header: Transport["header"];
  readonly outlet: Transport["outlet"];
  /** `performance.now()` at arrival. */
  readonly startedAt: number;
  /** Milliseconds since the epoch, capped at 60 s from arrival; at a day for streams. */
  readonly deadline: number;
  /** Made by the authenticate link. */
  call: Call | undefined;
  /** Why the call ended before its operation did: the deadline, the idle limit, or the client went away. */
  readonly ended: () => DomainError | undefined;
  readonly signal: () => AbortSignal;
  readonly requestId: () => string;
  readonly log: () => Logger;
  /** Follows a promise of the operation until the call ends: from here on it has a timer. */
  readonly bound: <T>(pending: Promise<T>) => Promise<T>;
  /** Something moved on the stream: its idle limit begins anew. */
  readonly alive: () => void;
};

const acceptableId = /^[\w.:-]{1,128}$/;

const deadlinePassed = (): DomainError => new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The deadline of the call has passed.");
const idleTooLong = (): DomainError =>
  new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "Nothing has moved on the stream for too long.");
const callCancelled = (): DomainError => new DomainError("Cancelled", "CALL_CANCELLED", "The caller cancelled the call.");

/** What a call keeps for itself. */
type State = {
  -readonly [K in keyof Invocation]: Invocation[K];
} & {
  transport: Transport;
  listenerLog: Logger;
  reason: DomainError | undefined;
  controller: AbortController | undefined;
  idle: NodeJS.Timeout | undefined;
  id: string | undefined;
  boundLog: Logger | undefined;
};

/** Follows a promise until it settles or the call ends, whichever comes first. */
const bind = <T>(state: State, pending: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    let settled = false;
    // grpc-js reports the end of every call as a cancellation: only one that comes too early needs a reason.
    const end = (why: () => DomainError) => {
      if (settled || state.reason !== undefined) return;
      const reason = why();
      state.reason = reason;
      clearTimeout(timer);
      clearTimeout(state.idle);
      reject(reason);
      state.controller?.abort(reason);
    };
    const { deadline, rpc, transport } = state;
    const timer = setTimeout(() => end(deadlinePassed), deadline - Date.now());
    if (rpc.idleMs !== undefined) state.idle = setTimeout(() => end(idleTooLong), rpc.idleMs);
    const settle =
      <A>(outcome: (value: A) => void) =>
      (value: A) => {
        settled = true;
        clearTimeout(timer);
        clearTimeout(state.idle);
        outcome(value);
      };
    // grpc-js has its own timer for the client's deadline and reports it as a cancellation.
    transport.onCancel(() => end(Date.now() >= deadline ? deadlinePassed : callCancelled));
    pending.then(settle(resolve), settle(reject));
  });

/** Shared by all calls: a literal with functions of its own costs ten closures, which most hits never call. */
const parts: Pick<Invocation, "header" | "ended" | "signal" | "requestId" | "log" | "bound" | "alive"> & ThisType<State> = {
  header(name) {
    return this.transport.header(name);
  },
  ended() {
    return this.reason;
  },
  signal() {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  },
  requestId() {
    if (this.id === undefined) {
      const sent = this.transport.header("x-request-id");
      this.id = sent !== undefined && acceptableId.test(sent) ? sent : randomUUID();
    }
    return this.id;
  },
  log() {
    this.boundLog ??= this.listenerLog.child({
      method: this.rpc.name,
      request_id: this.requestId(),
      trace_id: traceIdOf(this.transport.header("traceparent")),
    });
    return this.boundLog;
  },
  bound(pending) {
    return bind(this, pending);
  },
  alive() {
    this.idle?.refresh();
  },
};

/** Starts a call. Its signal, request id, log and timer are made when first needed: most reads never need them. */
export const createInvocation = (rpc: Rpc, transport: Transport, log: Logger): Invocation => {
  const arrival = Date.now();
  const state: State = Object.create(parts);
  state.rpc = rpc;
  state.transport = transport;
  state.listenerLog = log;
  state.outlet = transport.outlet;
  state.startedAt = performance.now();
  state.deadline =
    transport.deadline === Infinity ? arrival + rpc.defaultTimeoutMs : Math.min(transport.deadline, arrival + rpc.maxTimeoutMs);
  state.call = undefined;
  state.reason = undefined;
  state.controller = undefined;
  state.idle = undefined;
  state.id = undefined;
  state.boundLog = undefined;
  return state;
};
