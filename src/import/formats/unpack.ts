import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ImportFault } from "../fault.ts";
import { HEAD } from "./detect.ts";

/** An opened file: `head` has its first bytes, which show its format; `bytes` is the stream of all its bytes, from the first one on. */
export type Opened = { readonly head: Buffer; readonly bytes: AsyncIterable<Buffer> };

const isGzip = (head: Buffer): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** Reads the bytes of a source that show its format. */
const peek = async (source: AsyncIterable<Buffer>): Promise<Opened> => {
  const chunks = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < HEAD) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const bytes = async function* () {
    try {
      yield head;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  };
  return { head, bytes: bytes() };
};

/** The unpacked content of gzip data, as a stream: however large it becomes, memory holds a piece of it. */
const gunzipped = async function* (packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    const gunzip = createGunzip({ chunkSize: 64 * 1024 });
    // Its errors come out where it is read.
    pipeline(Readable.from(packed), gunzip, () => {});
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith("Z_")) throw error;
    throw new ImportFault("The file's gzip data is damaged or cut off: transfer it again.", { cause: error });
  }
};

/** Opens a stream of bytes, and unpacks it when its first bytes show that it is packed with gzip. */
export const unpack = async (source: AsyncIterable<Buffer>): Promise<Opened> => {
  const opened = await peek(source);
  return isGzip(opened.head) ? peek(gunzipped(opened.bytes)) : opened;
};
