import type { ServerHttp2Stream } from "node:http2";
import type { Writable } from "node:stream";
import type { Metadata, ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import type { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import type { DomainError } from "../errors.ts";
import type { Bodies } from "./bodies.ts";
import { type CallWithHeaders, transport } from "./call-headers.ts";
import type { Credentials } from "./callers/credentials.ts";
import { discardRest } from "./discarding.ts";
import { refusalOf } from "./grpc-status.ts";
import type { Admission } from "./interceptors/admission.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import { Invocation } from "./interceptors/invocation.ts";
import { statusOf } from "./interceptors/status.ts";
import type { Patient, Patients } from "./patience.ts";
import { type Connection, peerOf } from "./peers.ts";
import { type Counted, cutOff, freeRequest, giveBytesBack, inflateWithin, isCompressed, takeBytes } from "./request-bytes.ts";
import { type Rpc, requestPatienceMs } from "./rpc.ts";

type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];
type Method = Parameters<ServerInterceptor>[0];
type Status = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

/** An RPC of userd as the guard of calls knows it. */
export type GuardedRpc = {
  readonly rpc: Rpc;
  readonly admission: Admission;
  readonly log: InterceptorContext["log"];
  readonly holdsBytes: boolean;
};

/** What a call needs of its server: the count of bytes, and the list of those that may have to wait for their clients. */
export type CallHome = {
  readonly bodies: Bodies;
  readonly patients: Patients;
  /** Is told the connection of each call of an RPC that was admitted. */
  readonly admitted: (connection: Connection) => void;
};

const openCall = Symbol("open call");
type Marked = Metadata & { [openCall]?: OpenCall };

/** Returns the open call that the request headers of a call belong to. */
export const openCallOf = (metadata: Metadata): OpenCall => {
  const open = (metadata as Marked)[openCall];
  if (open === undefined) throw new Error("The guard of calls sees every call first.");
  return open;
};

/** Counts a part of a request before grpc-js keeps it. It stands in the place of a method of grpc-js, which calls it. */
const countFrame = function (this: BaseServerInterceptingCall, data: Buffer): void {
  const open = this["listener"] as OpenCall | null;
  // What comes behind an answer is forgotten, not kept.
  if (open === null || this["cancelled"] || open.grow(data.length)) Object.getPrototypeOf(this).handleDataFrame.call(this, data);
};

/**
 * A call on the gRPC port from its headers to its end; it stands between grpc-js and the handler. It asks for admission before a byte of the
 * message is kept, counts these bytes, and ends the call when its client neither sends nor takes. Its functions are on the prototype, and it is
 * the listener of grpc-js itself: closures, or grpc-js's own ServerInterceptingCall, would cost every call.
 */
export class OpenCall implements ServerInterceptingCallInterface, CallWithHeaders, Counted, Patient {
  readonly bodies: Bodies;
  readonly maxBytes: number | undefined;
  readonly hasRequestStream: boolean;
  readonly isHeld: boolean;
  hasEnded = false;
  bytes = 0;
  inflated: Buffer<ArrayBuffer> | undefined = undefined;
  isComplete = false;
  isAnswered = false;
  sweeps = 0;
  before: Patient | undefined = undefined;
  after: Patient | undefined = undefined;
  metadata: Metadata | undefined = undefined;
  /** The call on its way through the interceptors; undefined for health and reflection. */
  invocation: Invocation<CallWithHeaders> | undefined = undefined;
  /** Is called once when nothing more comes of the call, for whatever reason. */
  onEnd: (() => void) | undefined = undefined;
  readonly #home: CallHome;
  readonly #call: BaseServerInterceptingCall;
  readonly #guarded: GuardedRpc | undefined;
  readonly #hasResponseStream: boolean;
  #listener: Listener | undefined = undefined;
  readonly #since = performance.now();

  constructor(home: CallHome, method: Method, call: ServerInterceptingCallInterface, guarded: GuardedRpc | undefined) {
    this.#home = home;
    this.#call = call as BaseServerInterceptingCall;
    this.hasRequestStream = method.requestStream;
    this.#hasResponseStream = method.responseStream;
    this.#guarded = guarded;
    this.bodies = home.bodies;
    this.maxBytes = guarded?.rpc.maxRequestBytes;
    this.isHeld = guarded?.holdsBytes !== false;
  }

  get connection(): Connection | undefined {
    return this.stream.session;
  }

  get stream(): ServerHttp2Stream {
    return this.#call["stream"] as ServerHttp2Stream;
  }

  get lateAt(): number {
    return this.hasRequestStream ? Infinity : this.#since + requestPatienceMs;
  }

  get takesUntil(): number {
    return this.#hasResponseStream ? 0 : (this.invocation?.deadline ?? 0);
  }

  deadline(): number {
    const deadline = this.#call.getDeadline();
    return typeof deadline === "number" ? deadline : (deadline as Date).getTime();
  }

  // What the handler calls.

  start(listener: Listener): void {
    this.#listener = listener;
    this.#call["handleDataFrame"] = countFrame;
    this.#call.start(this);
    // grpc-js does not begin when the client has gone already, and says nothing.
    if (this.metadata === undefined) this.#leave();
  }

  sendMetadata(metadata: Metadata): void {
    this.#call.sendMetadata(metadata);
  }

  sendMessage(message: unknown, callback: () => void): void {
    // The status follows when the client has taken the message.
    if (!this.#hasResponseStream) this.isAnswered = true;
    this.#call.sendMessage(message, callback);
  }

  sendStatus(status: Status): void {
    this.isAnswered = true;
    this.#call.sendStatus(status);
  }

  startRead(): void {
    this.#call.startRead();
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  getDeadline() {
    return this.#call.getDeadline();
  }

  getHost(): string {
    return this.#call.getHost();
  }

  getAuthContext() {
    return this.#call.getAuthContext();
  }

  getConnectionInfo() {
    return this.#call.getConnectionInfo();
  }

  getMetricsRecorder() {
    return this.#call.getMetricsRecorder();
  }

  // What grpc-js calls.

  onReceiveMetadata(metadata: Metadata): void {
    this.metadata = metadata;
    (metadata as Marked)[openCall] = this;
    if (isCompressed(this.#call)) inflateWithin(this, this.#call, (error) => this.#refusalOf(error));
    const admitted = this.#admit();
    if (admitted === true) this.#begin();
    else if (admitted instanceof Promise) {
      admitted.then(
        () => this.#begin(),
        (status: unknown) => this.sendStatus(refusalOf(status)),
      );
    }
  }

  onReceiveMessage(message: unknown): void {
    // The messages of a stream are read one by one, as they are used.
    if (this.hasRequestStream) giveBytesBack(this);
    this.#listener?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    this.isComplete = true;
    const error = this.hasRequestStream ? cutOff(this.#call) : undefined;
    if (error === undefined) this.#listener?.onReceiveHalfClose();
    else this.fail(error);
  }

  onCancel(): void {
    // At once, and not when the stream has closed: an operation may be waiting for a message that grpc-js has refused.
    this.onEnd?.();
    // An answer that comes before its request ends only one half of the stream. The client holds the other one, for as long as it may linger.
    const { stream } = this;
    if (this.isComplete || stream.closed || stream.destroyed) this.#leave();
    else {
      this.isAnswered = true;
      discardRest(stream);
      stream.once("close", () => this.#leave());
    }
    this.#listener?.onCancel();
  }

  // What the handler and the guard call.

  /** Returns the call as the interceptors take it; `outlet` is the stream of its responses, if it answers with one. */
  started(outlet?: Writable): Invocation {
    if (this.invocation === undefined) throw new Error("An RPC of userd is admitted before it is handled.");
    this.invocation.outlet = outlet;
    return this.invocation;
  }

  /** Counts bytes of the request that have arrived. Returns false when there is no room for them: the call has been refused. */
  grow(bytes: number): boolean {
    try {
      takeBytes(this, bytes);
      return true;
    } catch (error) {
      this.fail(error as Error);
      return false;
    }
  }

  /** Returns what the call shows of its caller. */
  credentials(): Credentials {
    return {
      header: (name) => transport.header(this, name),
      headers: (name) => transport.headers(this, name),
      peer: peerOf(this.connection),
    };
  }

  /** Tells that the handler has done its part: what is left is for the client to take. */
  answered(): void {
    this.isAnswered = true;
  }

  fail(error: Error): void {
    this.sendStatus(this.#refusalOf(error));
  }

  /** Asks for admission. Returns false for a call that it has refused. */
  #admit(): boolean | Promise<void> {
    if (this.#guarded === undefined) return true;
    const { rpc, admission, log } = this.#guarded;
    this.invocation = new Invocation(rpc, transport, this, log);
    try {
      return admission.admit(this.invocation) ?? true;
    } catch (status) {
      this.sendStatus(refusalOf(status));
      return false;
    }
  }

  #begin(): void {
    const { connection } = this;
    if (this.#guarded !== undefined && connection !== undefined) this.#home.admitted(connection);
    if (this.metadata !== undefined) this.#listener?.onReceiveMetadata(this.metadata);
  }

  /** Counts a refusal, as any other of the RPC. */
  #refusalOf(error: Error): ReturnType<typeof refusalOf> {
    try {
      if (this.invocation === undefined || this.#guarded === undefined) throw statusOf(error as DomainError);
      return this.#guarded.admission.refuse(this.invocation, error);
    } catch (status) {
      return refusalOf(status);
    }
  }

  #leave(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#home.patients.remove(this);
    freeRequest(this);
  }
}
