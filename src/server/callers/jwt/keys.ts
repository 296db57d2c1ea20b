import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from "jose";

/** The largest key set, in bytes. */
export const MAX_KEYS_BYTES = 256 * 1024;

const MAX_KEYS = 100;

/** The keys of an issuer, from one reading of its key set. */
export type Keys = {
  /** The text of the key set, by which a later reading is compared with this one. */
  readonly text: string;
  /** Finds the key for the header of a token. */
  readonly keyOf: JWTVerifyGetKey;
};

/** The members of a key that a signature is verified with. A key set that was published with its private members is used without them. */
const publicMembers = ["kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"] as const;

const asymmetric: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"]);

const publicKey = (key: Readonly<Record<string, unknown>>): JWK =>
  ({
    ...Object.fromEntries(publicMembers.flatMap((name) => (typeof key[name] === "string" ? [[name, key[name]]] : []))),
    ...(Array.isArray(key["key_ops"]) && { key_ops: key["key_ops"].map(String) }),
  }) as JWK;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

/** Reads a key set (JWKS, RFC 7517). Symmetric keys in it are left out. Throws an Error that says what is wrong, and quotes nothing. */
export const parseKeys = (text: string): Keys => {
  if (text.length > MAX_KEYS_BYTES) throw new Error(`has more than ${MAX_KEYS_BYTES} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("is not valid JSON");
  }
  const given = isObject(json) && Array.isArray(json["keys"]) ? json["keys"] : undefined;
  if (given === undefined) throw new Error("is no key set: it has no list `keys`");
  if (given.length > MAX_KEYS) throw new Error(`has more than ${MAX_KEYS} keys`);
  const keys = given.filter((key) => isObject(key) && asymmetric.has(key["kty"])).map(publicKey);
  if (keys.length === 0) throw new Error("has no key for signatures with a public key");
  return { text, keyOf: createLocalJWKSet({ keys }) };
};
