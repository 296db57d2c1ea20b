import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import pLimit from "p-limit";
import { DomainError, exhausted } from "../errors.ts";

/** The encodings of a compressed message that are understood. The HTTP port takes gzip alone. */
export type Encoding = "gzip" | "deflate";

/** The bytes of requests that the process holds, over both ports. */
export type Bodies = {
  /** Counts bytes that have arrived or were inflated. Throws DomainError OVERLOADED, and counts nothing, when there is no room for them. */
  readonly take: (bytes: number) => void;
  /** Gives the room of bytes back, when their call has ended. */
  readonly give: (bytes: number) => void;
  /**
   * Inflates a message. As many inflations run at once as there are cores; the others wait for their turn. Rejects with a DomainError when the
   * message is malformed, or as soon as it grows beyond `maxBytes`.
   */
  readonly inflate: (message: Uint8Array, encoding: Encoding, maxBytes: number) => Promise<Buffer<ArrayBuffer>>;
};

const inflaters = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/** The length of the end of gzip: a checksum, and the size of what is compressed. */
const gzipEnd = 8;

/** The size of a piece of output where it is not known beforehand, in bytes. */
const pieceBytes = 64 * 1024;

/** The least size of a piece that zlib takes, in bytes. */
const minPieceBytes = 64;

/**
 * The size of an inflated message as its own end states it, so that the output is one piece: pieces come one by one from another thread. It need
 * not be true. Undefined = not stated, or too large.
 */
const statedSize = (message: Uint8Array, encoding: Encoding, maxBytes: number): number | undefined => {
  if (encoding !== "gzip" || message.length < gzipEnd) return undefined;
  const size = new DataView(message.buffer, message.byteOffset, message.length).getUint32(message.length - 4, true);
  return size > maxBytes ? undefined : size;
};

/**
 * Frees the memory of an inflated message that has been decoded, at once: the garbage collector lets hundreds of megabytes of them come
 * together. Nothing may refer to the bytes any longer, as `bytes` fields of the decoded message do.
 */
export const freeInflated = ({ buffer, byteLength }: Uint8Array<ArrayBuffer>): void => {
  // Smaller ones may share their memory with other buffers of Node's.
  if (byteLength >= Buffer.poolSize) buffer.transfer(0);
};

const retryAfterMs = 100;

/** Makes the error for a message that is too large, before or after it was inflated. */
export const tooLarge = (maxBytes: number): DomainError =>
  exhausted("REQUEST_TOO_LARGE", `The request is larger than ${maxBytes} bytes: send less at once.`);

/** Makes the error for a message that holds so many others that to read it would take everybody's time. */
export const tooMany = (): DomainError =>
  exhausted("REQUEST_TOO_LARGE", "The request holds too many messages or values: send less at once.");

/** Makes the count of the bytes that requests take, of which there may be `limitBytes` at once. */
export const createBodies = (limitBytes: number): Bodies => {
  let taken = 0;
  const turn = pLimit(availableParallelism());
  return {
    take: (bytes) => {
      if (taken + bytes > limitBytes) {
        throw exhausted("OVERLOADED", "The requests that are arriving take all the memory that they may take.", { retryAfterMs });
      }
      taken += bytes;
    },
    give: (bytes) => {
      taken -= bytes;
    },
    inflate: async (message, encoding, maxBytes) => {
      // As connect has it: an empty message stays one.
      if (message.length === 0) return Buffer.alloc(0);
      const stated = statedSize(message, encoding, maxBytes);
      // With room for one byte more: zlib makes another piece as soon as one is full.
      const chunkSize = Math.max(stated === undefined ? pieceBytes : stated + 1, minPieceBytes);
      try {
        return (await turn(() => inflaters[encoding](message, { maxOutputLength: maxBytes, chunkSize }))) as Buffer<ArrayBuffer>;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
        throw new DomainError("Invalid", "FIELD_INVALID", `The request is not well-formed ${encoding}.`, { cause: error });
      }
    },
  };
};
