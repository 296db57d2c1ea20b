import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Every use of the secret key; each has a sub-key of its own, so that one use proves nothing about another. */
export type SecretUse = "consistency-token" | "page-token" | "request-hash";

/** Derives the sub-key of one use. */
export const subKey = (secretKey: Uint8Array, use: SecretUse): Buffer =>
  Buffer.from(hkdfSync("sha256", secretKey, new Uint8Array(0), `userd ${use}`, 32));

/** Opaque text that only this service, with this key, can have made. It is not secret: whoever holds it can read it. */
export type Seal = {
  readonly seal: (payload: string) => string;
  /** The payload, or undefined when the text was not made here. */
  readonly open: (text: string) => string | undefined;
};

/** 128 bits: forging is hopeless, and tokens stay short. */
const MAC_LENGTH = 16;

/** Makes the seal of one use of the secret key. */
export const createSeal = (secretKey: Uint8Array, use: SecretUse): Seal => {
  const key = subKey(secretKey, use);
  const mac = (payload: Uint8Array) => createHmac("sha256", key).update(payload).digest().subarray(0, MAC_LENGTH);
  return {
    seal: (payload) => {
      const bytes = Buffer.from(payload);
      return Buffer.concat([mac(bytes), bytes]).toString("base64url");
    },
    open: (text) => {
      const bytes = Buffer.from(text, "base64url");
      // Buffer.from skips what is not base64url: such a text was not made here either.
      if (bytes.length <= MAC_LENGTH || bytes.toString("base64url") !== text) return undefined;
      const payload = bytes.subarray(MAC_LENGTH);
      return timingSafeEqual(mac(payload), bytes.subarray(0, MAC_LENGTH)) ? payload.toString() : undefined;
    },
  };
};
