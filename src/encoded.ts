/** The bytes of encoded answers: the cache hands out the same answer again and again, and a write measures its own before COMMIT. */
const encoded = new WeakMap<object, Uint8Array>();

/** Keeps the bytes of an answer, which does not change any more. An answer of one RPC is never one of another. */
export const keepEncoded = (answer: object, bytes: Uint8Array): void => void encoded.set(answer, bytes);

/** The bytes of an answer, if it has been encoded. */
export const encodedOf = (answer: object): Uint8Array | undefined => encoded.get(answer);
