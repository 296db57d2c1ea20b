import { canonicalName } from "../../src/names/canonical.ts";
import { createDomains, firstNames, lastNames } from "./names.ts";
import { createRandom, createSkewed, type Random } from "./random.ts";

/** An address of a generated user. */
export type PersonEmail = { readonly email: string; readonly canonical: string; readonly isVerified: boolean };

/** A generated user and what belongs to it. */
export type Person = {
  readonly id: number;
  readonly username: string;
  readonly usernameCanonical: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly isDeleted: boolean;
  readonly dateJoined: Date;
  readonly lastActive: Date | undefined;
  readonly emails: readonly PersonEmail[];
  readonly permissions: readonly string[];
  readonly roles: readonly number[];
  readonly authenticators: readonly number[];
};

/** How many roles there are; a few have most of the members. */
export const ROLES = 20;
const COMPANIES = 20_000;
const FIRST_JOINED = Date.UTC(2016, 0, 1);
const YEARS_MS = 10 * 365 * 24 * 3_600_000;

const firstName = createSkewed(firstNames, 0.7);
const lastName = createSkewed(lastNames, 0.7);
const domain = createSkewed(createDomains(COMPANIES), 1);
const role = createSkewed(Array.from({ length: ROLES }, (_, index) => index + 1));

const ascii = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/[^A-Za-z]/g, "")
    .toLowerCase() || "user";

const emailsOf = (random: Random, id: number, first: string, last: string): PersonEmail[] => {
  const count = random.chance(0.03) ? 3 : random.chance(0.12) ? 2 : 1;
  return Array.from({ length: count }, (_, index) => {
    const local = random.chance(0.6) ? `${ascii(first)}.${ascii(last)}` : `${ascii(first).slice(0, 1)}${ascii(last)}`;
    // The id keeps addresses apart; people choose years and lucky numbers, which would not.
    const email = `${local}${id}${index === 0 ? "" : `.${index}`}@${domain(random)}`;
    return { email, canonical: canonicalName(email), isVerified: random.chance(0.8) };
  });
};

const some = (random: Random, share: number, most: number, pick: () => number): number[] =>
  random.chance(share) ? [...new Set(Array.from({ length: 1 + random.integer(most) }, pick))] : [];

/** Generates people one after another; the same seed gives the same people. */
export function* generatePeople(count: number, seed = 1): Generator<Person> {
  const random = createRandom(seed);
  for (let id = 1; id <= count; id += 1) {
    const [first, last] = [firstName(random), lastName(random)];
    const emails = emailsOf(random, id, first, last);
    const username = random.chance(0.6) ? (emails[0]?.email ?? "") : `${ascii(first)}_${ascii(last)}_${id}`;
    const joined = FIRST_JOINED + (id / count) * YEARS_MS * 0.98 + random.integer(YEARS_MS * 0.02);
    yield {
      id,
      username,
      usernameCanonical: canonicalName(username),
      name: random.chance(0.9) ? `${first} ${last}` : "",
      isActive: !random.chance(0.03),
      isStaff: random.chance(0.005),
      isSuperuser: random.chance(0.001),
      isDeleted: random.chance(0.005),
      dateJoined: new Date(joined),
      lastActive: random.chance(0.7) ? new Date(joined + random.integer(30 * 24 * 3_600_000)) : undefined,
      emails,
      permissions: some(random, 0.01, 3, () => random.integer(50)).map((index) => `service${index % 10}.permission${index}`),
      roles: some(random, 0.02, 3, () => role(random)),
      authenticators: some(random, 0.1, 2, () => random.integer(4)),
    };
  }
}
