import type { Http2Session, IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { MaybePromise } from "../call.ts";
import { DomainError } from "../errors.ts";
import type { Bodies } from "./bodies.ts";
import { discardRest } from "./discarding.ts";
import { type Framed, frameOf, messageIn, withRoom } from "./frame.ts";
import { headersAlone, refusalOf } from "./grpc-status.ts";
import type { Handler } from "./interceptors/interceptor.ts";
import { Invocation, type Transport } from "./interceptors/invocation.ts";
import { Code } from "./interceptors/status.ts";
import type { CallHome, GuardedRpc } from "./open-call.ts";
import type { Patient } from "./patience.ts";
import { type Counted, freeRequest, giveBytesBack, takeBytes } from "./request-bytes.ts";
import { requestPatienceMs } from "./rpc.ts";

/** A unary RPC as its calls need it. */
export type DirectRpc = GuardedRpc & { readonly handler: Handler };

/**
 * The headers of all answers, as an array: Node copies an object. Dates are for caches, which gRPC has none of; nor is it told that the answer is
 * not compressed, and that requests may be, which clients take for granted: each header is some 2 % of a call.
 */
const answerHeaders: readonly string[] = [":status", "200", "content-type", "application/grpc+proto"];
const answerOptions = { waitForTrailers: true, sendDate: false } as const;
const ok = { "grpc-status": "0" } as const;

/** The turns of the event loop in which an answer from memory is made and taken by its connection, with two to spare. */
const TURNS = 4;

const callKey = Symbol("call");
type Marked = ServerHttp2Stream & { [callKey]?: DirectCall };

// The listeners of all streams: closures would cost every call.
const ignore = (): void => {};
function onData(this: Marked, chunk: Buffer): void {
  this[callKey]?.take(chunk);
}
function onEnd(this: Marked): void {
  this[callKey]?.complete();
}
function onClose(this: Marked): void {
  this[callKey]?.leave();
}
function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(ok);
}

const joined = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "object" ? value.join(", ") : value;

const transport: Transport<DirectCall> = {
  header: ({ headers }, name) => joined(headers[name]),
  headers: ({ headers }, name) => joined(headers[name]) ?? "",
  connection: ({ session }) => session,
  deadline: ({ deadline }) => deadline,
  onCancel: (call, listener) => call.onCancel(listener),
};

/**
 * A unary call on Node's HTTP/2, without grpc-js, from its headers to its end. An answer from memory is made in the moment in which the request is
 * complete. A call that is not over after a few turns of the event loop is listed as one that may have to wait for its client.
 */
export class DirectCall implements Counted, Patient {
  readonly bodies: Bodies;
  readonly maxBytes: number;
  readonly hasRequestStream = false;
  readonly isHeld: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly session: Http2Session | undefined;
  /** When the client stops waiting, in milliseconds since the epoch; Infinity = it did not say. */
  readonly deadline: number;
  readonly stream: ServerHttp2Stream;
  hasEnded = false;
  bytes = 0;
  inflated: Buffer<ArrayBuffer> | undefined = undefined;
  isAnswered = false;
  sweeps = 0;
  before: Patient | undefined = undefined;
  after: Patient | undefined = undefined;
  /** The next one of the calls that are looked at in the next turn. */
  next: DirectCall | undefined = undefined;
  readonly #rpc: DirectRpc;
  readonly #home: CallHome;
  readonly #invocation: Invocation<DirectCall>;
  /** The request as far as it has come, which is the first `bytes` of it. */
  #body: Buffer | undefined = undefined;
  #isWhole = false;
  #turns = 0;
  #isWatched = false;
  #isListed = false;
  #cancel: (() => void) | undefined = undefined;

  constructor(home: CallHome, rpc: DirectRpc, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, timeoutMs: number) {
    this.#home = home;
    this.#rpc = rpc;
    this.bodies = home.bodies;
    this.maxBytes = rpc.rpc.maxRequestBytes;
    this.isHeld = rpc.holdsBytes;
    this.stream = stream;
    this.headers = headers;
    this.session = stream.session;
    this.deadline = Date.now() + timeoutMs;
    this.#invocation = new Invocation(rpc.rpc, transport, this, rpc.log);
  }

  /** A request that nobody reads, since it was answered early, arrives too. */
  get isComplete(): boolean {
    return this.#isWhole || this.stream.readableEnded;
  }

  get lateAt(): number {
    const { deadline, startedAt } = this.#invocation;
    return Math.min(startedAt + requestPatienceMs, performance.now() + deadline - Date.now());
  }

  get takesUntil(): number {
    return this.#invocation.deadline;
  }

  /** Asks for admission, and reads the request once it is admitted. */
  begin(): void {
    const { stream } = this;
    // A stream that breaks is no fault of ours, and an error without a listener would end the process.
    stream.on("error", ignore);
    (stream as Marked)[callKey] = this;
    let admitted: Promise<void> | undefined;
    try {
      admitted = this.#rpc.admission.admit(this.#invocation);
    } catch (status) {
      this.#refuse(status);
      return;
    }
    if (admitted === undefined) this.#read();
    else
      admitted.then(
        () => this.#read(),
        (status: unknown) => this.#refuse(status),
      );
  }

  /** Takes bytes of the request. */
  take(chunk: Buffer): void {
    // What comes behind an answer is forgotten, not kept.
    if (this.isAnswered) return;
    try {
      takeBytes(this, chunk.length);
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    this.#body = this.#body === undefined ? chunk : withRoom(this.#body, this.bytes);
    if (this.#body !== chunk) chunk.copy(this.#body, this.bytes - chunk.length);
  }

  /** Answers the call, whose request has arrived. */
  complete(): void {
    this.#isWhole = true;
    // Node ends a request that its client has cut as if it were whole.
    if (this.isAnswered || this.stream.closed) return;
    const received = messageIn(this.#body?.subarray(0, this.bytes));
    this.#body = undefined;
    if (received instanceof Uint8Array) this.#handle(received);
    else this.#refuseRequest(received);
  }

  /** Calls `listener` when the client goes away. */
  onCancel(listener: () => void): void {
    this.#cancel = listener;
    this.#watch();
    if (this.hasEnded) listener();
  }

  /** Looks whether the call is over, once a turn. Returns true for one that is to be looked at in the next turn again. */
  look(): boolean {
    if (this.#isOver()) this.leave();
    else if (++this.#turns < TURNS) return true;
    else {
      this.#watch();
      this.#isListed = true;
      this.#home.patients.add(this);
    }
    return false;
  }

  /** Frees what the call has held. Its stream has closed, or needs nothing more. */
  leave(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    if (this.#isListed) this.#home.patients.remove(this);
    freeRequest(this);
    this.#cancel?.();
  }

  /** Refuses the call for an error outside the interceptors, which is counted and logged as any other. */
  fail(error: Error): void {
    try {
      this.#rpc.admission.refuse(this.#invocation, error);
    } catch (status) {
      this.#refuse(status);
    }
  }

  #read(): void {
    // It was refused meanwhile, since it waited too long, or its client has gone.
    if (this.isAnswered || this.stream.destroyed) return;
    if (this.session !== undefined) this.#home.admitted(this.session);
    // A request without a byte may have ended before.
    if (this.stream.readableEnded) this.complete();
    else this.stream.on("data", onData).on("end", onEnd);
  }

  #handle(message: Uint8Array): void {
    let response: MaybePromise<unknown>;
    try {
      response = this.#rpc.handler(this.#invocation, message);
    } catch (status) {
      this.#refuse(status);
      return;
    }
    if (response instanceof Promise) {
      response.then(
        (bytes) => this.#answer(bytes as Uint8Array),
        (status: unknown) => this.#refuse(status),
      );
    } else this.#answer(response as Uint8Array);
  }

  #answer(message: Uint8Array): void {
    if (!this.#settle()) return;
    const { stream } = this;
    const { fields } = this.#invocation;
    stream.respond(answerHeaders, answerOptions);
    stream.on("wantTrailers", fields === undefined ? sendOk : () => stream.sendTrailers({ ...ok, ...fields }));
    stream.end(frameOf(message));
  }

  #refuse(status: unknown): void {
    this.#end(headersAlone(refusalOf(status)));
  }

  #end(headers: OutgoingHttpHeaders): void {
    if (!this.#settle()) return;
    this.stream.respond(headers, { endStream: true });
    // An unread request would have the answer lost.
    discardRest(this.stream);
  }

  /** Refuses a request that is not one message, with the status that gRPC has for it; as by grpc-js, such a call is not counted. */
  #refuseRequest(received: Exclude<Framed, Uint8Array>): void {
    if (received === "compressed") {
      this.fail(new DomainError("Invalid", "FIELD_INVALID", "The message is compressed, and the call names no compression."));
    } else {
      const details = `${this.#rpc.rpc.name} takes one message, and the request has ${received}.`;
      this.#end(headersAlone({ code: Code.UNIMPLEMENTED, details }));
    }
  }

  /** Notes that the call has its answer. Returns false when it had one before, or nobody is left to get it. */
  #settle(): boolean {
    if (this.isAnswered) return false;
    this.isAnswered = true;
    giveBytesBack(this);
    return !this.stream.destroyed && !this.stream.closed;
  }

  #isOver(): boolean {
    const { stream } = this;
    if (stream.destroyed || stream.closed) return true;
    return this.isAnswered && stream.readableEnded && (stream.sentTrailers !== undefined || stream.writableFinished);
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.stream.once("close", onClose);
  }
}
