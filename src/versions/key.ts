/**
 * Encodes a tuple into one string: each part is its type, its length and its text, so that unequal tuples never share a key,
 * whatever the text holds. With joined strings they could, and the cache would answer one user with another's data.
 */
export const encodeKey = (...parts: readonly (string | bigint)[]): string => {
  let key = "";
  for (const part of parts) {
    const text = typeof part === "string" ? part : part.toString();
    key += `${typeof part === "string" ? "s" : "i"}${text.length}:${text}`;
  }
  return key;
};
