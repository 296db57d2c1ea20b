import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import type { Logger } from "pino";
import type { Call, Caller } from "../../call.ts";
import { DomainError } from "../../errors.ts";
import type { Credentials } from "../callers/credentials.ts";
import type { Account } from "../capacity/account.ts";
import { type Connection, type Peer, peerOf } from "../peers.ts";
import type { Rpc } from "../rpc.ts";
import { readReason } from "./reason.ts";
import { traceIdOf } from "./trace.ts";

/**
 * The functions that read a header, the deadline and the cancellation of a call on one port; `S` is the type that the port's library has for a
 * call.
 */
export type Transport<S> = {
  /** Returns a request header by its lower-case name; undefined when absent. */
  header(source: S, name: string): string | undefined;
  /** Returns all values of a request header, separated by commas; empty when absent. */
  headers(source: S, name: string): string;
  /** Returns the connection of a call; undefined = it has gone. */
  connection(source: S): Connection | undefined;
  /** Returns when the client stops waiting, in milliseconds since the epoch; Infinity if the client did not say. */
  deadline(source: S): number;
  /** Calls `listener` when the client goes away. It is used at most once per call, and only for calls that are not answered at once. */
  onCancel(source: S, listener: () => void): void;
};

const acceptableId = /^[\w.:-]{1,128}$/;

const deadlinePassed = (): DomainError => new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The deadline of the call has passed.");
const idleTooLong = (): DomainError =>
  new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "Nothing has moved on the stream for too long.");
const callCancelled = (): DomainError => new DomainError("Cancelled", "CALL_CANCELLED", "The caller cancelled the call.");

/**
 * A call on its way through the interceptors; the operation gets the same object as its `Call`. A class lets all calls share their functions:
 * to make functions for each call would be slower.
 */
export class Invocation<S = unknown> implements Omit<Call, "caller">, Credentials {
  readonly rpc: Rpc;
  /** The deadline, in milliseconds since the epoch: at most 60 s after arrival, for streams at most a day. */
  readonly deadline: number;
  /** The stream for the responses of an RPC that answers with a stream, as its codec encodes them; the transport ends it. */
  outlet: Writable | undefined;
  /** The time of arrival, by `performance.now()`. */
  readonly startedAt = performance.now();
  /** The caller; undefined until the interceptor `authenticate` has found it. */
  caller: Caller | undefined = undefined;
  actingUserId: bigint | undefined = undefined;
  /** The account that the call is counted on; undefined until the interceptor `shed` has let it begin. */
  account: Account | undefined = undefined;
  /** The fields of the answer that tell the caller what is left of its rates; undefined for a caller without rates. */
  fields: Readonly<Record<string, string>> | undefined = undefined;
  /** The call as its listener knows it. */
  readonly source: S;
  readonly #transport: Transport<S>;
  readonly #log: Logger;
  #ended: DomainError | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #abortListeners: (() => void)[] | undefined = undefined;
  #idle: NodeJS.Timeout | undefined = undefined;
  #stalled: () => DomainError = idleTooLong;
  #requestId: string | undefined = undefined;
  #boundLog: Logger | undefined = undefined;

  constructor(rpc: Rpc, transport: Transport<S>, source: S, log: Logger, outlet?: Writable) {
    const arrival = Date.now();
    const asked = transport.deadline(source);
    this.rpc = rpc;
    this.deadline = asked === Infinity ? arrival + rpc.defaultTimeoutMs : Math.min(asked, arrival + rpc.maxTimeoutMs);
    this.outlet = outlet;
    this.#transport = transport;
    this.source = source;
    this.#log = log;
  }

  get method(): string {
    return this.rpc.name;
  }

  /** The reason why the call ended before its operation: the deadline, the idle limit, or the client went away. Undefined = it did not. */
  get ended(): DomainError | undefined {
    return this.#ended;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended);
    }
    return this.#controller.signal;
  }

  onAbort(listener: () => void): void {
    if (this.#ended !== undefined) listener();
    else if (this.#abortListeners === undefined) this.#abortListeners = [listener];
    else this.#abortListeners.push(listener);
  }

  get requestId(): string {
    if (this.#requestId === undefined) {
      const sent = this.header("x-request-id");
      this.#requestId = sent !== undefined && acceptableId.test(sent) ? sent : randomUUID();
    }
    return this.#requestId;
  }

  get reason(): string | undefined {
    return readReason((name) => this.header(name));
  }

  get log(): Logger {
    this.#boundLog ??= this.#log.child({
      method: this.method,
      request_id: this.requestId,
      trace_id: traceIdOf(this.header("traceparent")),
    });
    return this.#boundLog;
  }

  header(name: string): string | undefined {
    return this.#transport.header(this.source, name);
  }

  headers(name: string): string {
    return this.#transport.headers(this.source, name);
  }

  /** The other end of the connection. To ask for it costs a microsecond on the gRPC port; most calls don't. */
  get peer(): Peer {
    return peerOf(this.#transport.connection(this.source));
  }

  onStall(error: () => DomainError): void {
    this.#stalled = error;
  }

  isLeaving(): boolean {
    const connection = this.#transport.connection(this.source);
    return connection === undefined || ("closed" in connection && connection.closed);
  }

  /** Restarts the idle limit of a stream. Call it when a message was received or sent. */
  alive(): void {
    this.#idle?.refresh();
  }

  /** Returns a promise that settles like `pending`, or rejects when the deadline, the idle limit or the client ends the call first. */
  bound<T>(pending: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false;
      // grpc-js reports the end of every call as a cancellation: only one that comes too early needs a reason.
      const end = (why: () => DomainError) => {
        if (settled || this.#ended !== undefined) return;
        this.#ended = why();
        clearTimeout(timer);
        clearTimeout(this.#idle);
        reject(this.#ended);
        this.#controller?.abort(this.#ended);
        for (const listener of this.#abortListeners ?? []) listener();
      };
      const timer = setTimeout(() => end(deadlinePassed), Math.max(0, this.deadline - Date.now()));
      if (this.rpc.idleMs !== undefined) this.#idle = setTimeout(() => end(this.#stalled), this.rpc.idleMs);
      const settle =
        <A>(outcome: (value: A) => void) =>
        (value: A) => {
          settled = true;
          clearTimeout(timer);
          clearTimeout(this.#idle);
          outcome(value);
        };
      // grpc-js has its own timer for the client's deadline and reports it as a cancellation.
      this.#transport.onCancel(this.source, () => end(Date.now() >= this.deadline ? deadlinePassed : callCancelled));
      pending.then(settle(resolve), settle(reject));
    });
  }
}
