/** Encodes a tuple as a string that no other tuple has. If two tuples had the same string, the cache could give one user another user's data. */
export const encodeKey = (...parts: readonly (string | bigint)[]): string => {
  let key = "";
  for (const part of parts) {
    const text = typeof part === "string" ? part : part.toString();
    key += `${typeof part === "string" ? "s" : "i"}${text.length}:${text}`;
  }
  return key;
};
