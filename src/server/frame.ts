/** The bytes in front of each message: a flag for compression, and the length. */
export const envelopeBytes = 5;

/** The message of a request, or what the request has in its place. */
export type Framed = Uint8Array | "no message" | "several messages" | "compressed";

/** Returns the message of the body of a unary request. */
export const messageIn = (body: Buffer | undefined): Framed => {
  if (body === undefined || body.length < envelopeBytes) return "no message";
  const end = envelopeBytes + body.readUInt32BE(1);
  if (body.length < end) return "no message";
  if (body.length > end) return "several messages";
  return body[0] === 0 ? body.subarray(envelopeBytes) : "compressed";
};

/** Frames a message that is not compressed. */
export const frameOf = (message: Uint8Array): Buffer => {
  const { length } = message;
  const framed = Buffer.allocUnsafe(envelopeBytes + length);
  framed[0] = 0;
  framed.writeUInt32BE(length, 1);
  framed.set(message, envelopeBytes);
  return framed;
};

/** Returns a buffer that begins as `body` does and has room for `bytes`. A list of pieces would take many times the memory of small ones. */
export const withRoom = (body: Buffer, bytes: number): Buffer => {
  if (body.length >= bytes) return body;
  const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * body.length));
  body.copy(larger);
  return larger;
};
