import { createHash } from "node:crypto";
import { compare } from "bcryptjs";
import type { Format } from "./format.ts";

/** A cost above 14 takes seconds in JavaScript: nobody's imported hash may hold the process for that long. */
const notation = /^\$2[aby]\$(?<cost>0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;

/** bcrypt itself comes from a library, in slices of 100 ms on the main thread; the hash is replaced at the first success. */
const verifyBcrypt = async (password: string, hash: string): Promise<boolean> => notation.test(hash) && compare(password, hash);

/** `bcrypt_sha256$$2b$…`: bcrypt of the password's SHA-256 in hex, so that long passwords count in full. */
export const bcryptSha256Format: Format = {
  algorithm: "bcrypt_sha256",
  verify: (password, encoded) => verifyBcrypt(createHash("sha256").update(password).digest("hex"), encoded.slice("bcrypt_sha256$".length)),
};
