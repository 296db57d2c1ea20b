/**
 * Encodes a tuple into one string: each part is its type, its length and its text, so that no two unequal tuples share
 * a key, whatever the text holds. Joined strings do: an answer that crosses identities is the classic fault of caches.
 */
export const encodeKey = (...parts: readonly (string | bigint)[]): string => {
  let key = "";
  for (const part of parts) {
    const text = typeof part === "string" ? part : part.toString();
    key += `${typeof part === "string" ? "s" : "i"}${text.length}:${text}`;
  }
  return key;
};
