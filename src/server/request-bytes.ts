import type { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import { DomainError } from "../errors.ts";
import { type Bodies, type Encoding, freeInflated, tooLarge } from "./bodies.ts";
import { envelopeBytes } from "./frame.ts";

/** The most bytes of a request of health or reflection, which anybody may send. */
const maxOtherBytes = 4 * 1024;

const encodings: readonly string[] = ["gzip", "deflate"] satisfies Encoding[];

/**
 * A call whose request is counted in bytes. These are functions and no class: an object of its own for the count would cost every call.
 */
export type Counted = {
  /** The count of all requests of the server. */
  readonly bodies: Bodies;
  /** What the call's RPC takes at most; undefined for health and reflection, whose bytes take no room of others. */
  readonly maxBytes: number | undefined;
  readonly hasRequestStream: boolean;
  /** Whether the handler goes on using the bytes of the message behind the end of the call. */
  readonly isHeld: boolean;
  hasEnded: boolean;
  bytes: number;
  /** The inflated request of a unary call, to be freed at its end. */
  inflated: Buffer<ArrayBuffer> | undefined;
};

/** Counts bytes of a request that have arrived. Throws the error of a request that has no room. */
export const takeBytes = (call: Counted, bytes: number): void => {
  // What comes behind the end of a call is nobody's.
  if (call.hasEnded) return;
  const maxBytes = call.maxBytes ?? maxOtherBytes;
  if (!call.hasRequestStream && call.bytes + bytes > maxBytes + envelopeBytes) throw tooLarge(maxBytes);
  // Strangers take no room of others.
  if (call.maxBytes !== undefined) call.bodies.take(bytes);
  call.bytes += bytes;
};

/** Gives back what was counted of a request. */
export const giveBytesBack = (call: Counted): void => {
  if (call.maxBytes !== undefined) call.bodies.give(call.bytes);
  call.bytes = 0;
};

/** Gives back and frees what a call has held, at its end. */
export const freeRequest = (call: Counted): void => {
  giveBytesBack(call);
  if (call.inflated !== undefined) freeInflated(call.inflated);
};

const keep = (call: Counted, inflated: Buffer<ArrayBuffer>): void => {
  try {
    // In the place of what it was inflated from.
    giveBytesBack(call);
    takeBytes(call, inflated.length);
  } catch (error) {
    freeInflated(inflated);
    throw error;
  }
  if (!call.isHeld && !call.hasRequestStream) call.inflated = inflated;
};

/** Returns the error of a request stream that has ended within a message; undefined if it has not. grpc-js forgets the beginning of such a message. */
export const cutOff = (grpc: BaseServerInterceptingCall): DomainError | undefined =>
  grpc["decoder"]["readState"] === 0
    ? undefined
    : new DomainError("Invalid", "FIELD_INVALID", "The stream of requests ends within a message.");

/** Tells whether the messages of a call are compressed. */
export const isCompressed = (grpc: BaseServerInterceptingCall): boolean => encodings.includes(grpc["incomingEncoding"]);

/** Has the messages of a call inflated by `Bodies`, with its limits, instead of by grpc-js. What fails is thrown as `refusalOf` says. */
export const inflateWithin = (call: Counted, grpc: BaseServerInterceptingCall, refusalOf: (error: Error) => unknown): void => {
  grpc["decompressMessage"] = async (framed: Buffer, encoding: string): Promise<Buffer> => {
    const message = framed.subarray(envelopeBytes);
    if (!encodings.includes(encoding)) return message;
    try {
      const inflated = await call.bodies.inflate(message, encoding as Encoding, call.maxBytes ?? maxOtherBytes);
      // The call may have ended meanwhile, and with it what would free this.
      if (call.hasEnded) freeInflated(inflated);
      else keep(call, inflated);
      return inflated;
    } catch (error) {
      throw refusalOf(error as Error);
    }
  };
};
