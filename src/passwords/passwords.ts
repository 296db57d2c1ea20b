import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { Counter, type Registry } from "prom-client";
import { exhausted } from "../errors.ts";
import { argon2Format, DUMMY_HASH, hashArgon2, isCurrentArgon2 } from "./formats/argon2.ts";
import type { Check } from "./formats/format.ts";
import { checkOf } from "./stored-hash.ts";

/** The result of checking a password against a stored hash. */
export type Verdict = {
  readonly valid: boolean;
  /** Tells whether the hash has another format or cost than new ones. Then it is to be replaced, while the password is known. */
  readonly outdated: boolean;
};

/** The hasher of passwords. It computes few hashes at a time, so that other work gets its share of the CPU. */
export type Passwords = {
  /** Hashes a new password. Throws RESOURCE_EXHAUSTED OVERLOADED when too many are waiting. */
  readonly hash: (password: string, signal: AbortSignal) => Promise<string>;
  /**
   * Checks a password by one hash computation, also where there is no `stored` hash that can be verified, so that both take the same time.
   * @throws RESOURCE_EXHAUSTED OVERLOADED when too many are waiting.
   */
  readonly verify: (password: string, stored: string | undefined, signal: AbortSignal) => Promise<Verdict>;
};

/** The most computations at once. One core stays free, and one of the four threads that Node has for hashing and for files. */
const CONCURRENCY = Math.max(1, Math.min(3, availableParallelism() - 1));
/** The check that a password goes through where there is no hash that can be verified. */
const dummy = argon2Format(DUMMY_HASH) as Check;
/** The most computations that may wait; at 20 ms each they are done within about a second. */
const MAX_WAITING = 64;

/** Makes the hasher of passwords, and the metric `userd_password_hashes_total`, which counts the hashes computed. */
export const createPasswords = (registry: Registry): Passwords => {
  const limit = pLimit(CONCURRENCY);
  const computations = new Counter({
    name: "userd_password_hashes_total",
    help: "Password hash computations",
    registers: [registry],
  });
  const compute = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    if (limit.pendingCount >= MAX_WAITING) {
      throw exhausted("OVERLOADED", "Too many passwords are being checked; try again.", { retryAfterMs: 1_000 });
    }
    return limit(() => {
      // Whoever waited in vain is gone.
      signal.throwIfAborted();
      computations.inc();
      return work();
    });
  };
  return {
    hash: (password, signal) => compute(signal, () => hashArgon2(password)),
    verify: (password, stored = "", signal) => {
      const check = checkOf(stored);
      return compute(signal, async () => {
        const valid = await (check ?? dummy)(password);
        return { valid: valid && check !== undefined, outdated: !isCurrentArgon2(stored) };
      });
    },
  };
};
