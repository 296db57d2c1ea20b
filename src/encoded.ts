/** The bytes of encoded answers. The cache answers with the same object again and again, and a write measures its answer before COMMIT. */
const encoded = new WeakMap<object, Uint8Array>();

/** Keeps the bytes of an answer, which never changes from then on. No two RPCs share an answer. */
export const keepEncoded = (answer: object, bytes: Uint8Array): void => void encoded.set(answer, bytes);

/** The bytes of an answer, if it has been encoded. */
export const encodedOf = (answer: object): Uint8Array | undefined => encoded.get(answer);
