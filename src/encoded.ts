import type { DescMessage } from "@bufbuild/protobuf";

/** The bytes of encoded answers. The cache answers with the same object again and again, and a write measures its answer before COMMIT. */
const encoded = new WeakMap<object, Uint8Array>();

/** Stores an answer's encoded bytes, so that the answer is not encoded again. The answer must not change, and only one RPC may return it. */
export const keepEncoded = (answer: object, bytes: Uint8Array): void => void encoded.set(answer, bytes);

/** Returns the bytes that `keepEncoded` has stored for an answer; undefined = none. */
export const encodedOf = (answer: object): Uint8Array | undefined => encoded.get(answer);

/** The bytes of messages inside answers, by their types: one object may stand for messages of two types. */
const parts = new Map<DescMessage, WeakMap<object, Uint8Array>>();

/** Returns where the bytes of the messages of a type are kept. Such a message must not change. */
export const encodedParts = (desc: DescMessage): WeakMap<object, Uint8Array> => {
  const known = parts.get(desc);
  if (known !== undefined) return known;
  const made = new WeakMap<object, Uint8Array>();
  parts.set(desc, made);
  return made;
};
