import { z } from "zod";
import type { Caller, CallerLimits } from "../../call.ts";
import { createNetworks, isNetwork, type Networks, notANetwork } from "../../networks.ts";
import { type Issuer, issuerSchema, subjectKey } from "./jwt/issuer.ts";

/** A caller of the callers' file, with the networks that it has to call from. */
export type FiledCaller = { readonly caller: Caller; readonly networks: Networks | undefined };

/** A token of the callers' file, by its SHA-256 in hex, and the time in which it is valid, in milliseconds since the epoch. */
export type FiledToken = { readonly sha256: string; readonly notBefore: number; readonly notAfter: number };

/** An entry of the callers' file: a caller, and all by which it can show who it is. */
export type Entry = FiledCaller & {
  readonly tokens: readonly FiledToken[];
  /** The names of certificates, DNS names in lower case. */
  readonly subjectAltNames: readonly string[];
  /** The subjects of tokens that issuers sign, each with its issuer. */
  readonly subjects: readonly { readonly issuer: string; readonly subject: string }[];
};

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the token, 64 lower-case hex digits");
const whole = (min: number, max: number) => z.int(`must be a whole number from ${min} to ${max}`).min(min).max(max);
const time = z.iso
  .datetime({ offset: true, abort: true, error: "must be a time such as 2027-01-31T00:00:00Z" })
  .transform((text) => Date.parse(text));

const token = z
  .strictObject({ sha256, not_before: time.default(-Infinity), not_after: time.default(Infinity) })
  .refine(({ not_before, not_after }) => not_before < not_after, { path: ["not_after"], message: "must be after not_before" })
  .transform((it): FiledToken => ({ sha256: it.sha256, notBefore: it.not_before, notAfter: it.not_after }));

const subjectAltName = z
  .string()
  .regex(
    /^([\w-]+(\.[\w-]+)*|[a-z][a-z0-9+.-]*:\/\/[!-~]+)$/i,
    "must be a DNS name, or a URI such as spiffe://example.org/billing, as it stands in the certificate",
  )
  .max(2048)
  .transform((name) => (name.includes("://") ? name : name.toLowerCase()));

const listOf = <T extends z.ZodType>(item: T) => z.array(item).min(1, "must not be empty").max(1_000, "must have at most 1000 entries");

const limits = (groups: readonly string[]) =>
  z
    .strictObject({
      concurrency: whole(1, 100_000).optional(),
      rates: z
        .partialRecord(
          z.enum(["all", ...groups]),
          z.strictObject({ per_second: z.number().positive().max(1_000_000), burst: whole(1, 1_000_000) }),
        )
        .optional(),
    })
    .transform(
      ({ concurrency, rates = {} }): CallerLimits => ({
        concurrency,
        rates: new Map(
          Object.entries(rates).flatMap(([group, rate]) => (rate ? [[group, { perSecond: rate.per_second, burst: rate.burst }]] : [])),
        ),
      }),
    );

/** Makes the schema of one entry; `known` are the names of all permissions. */
const entry = (known: readonly string[]) =>
  z
    .strictObject({
      name: z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, _ - or ."),
      token_sha256: sha256.optional(),
      tokens: listOf(token).default([]),
      subject_alt_names: listOf(subjectAltName).default([]),
      subjects: listOf(z.strictObject({ issuer: z.string(), subject: z.string().min(1).max(1024) })).default([]),
      permissions: z.array(z.enum(known, { error: `must be one of ${known.join(", ")}` })),
      networks: listOf(z.string().refine(isNetwork, notANetwork)).optional(),
      acts_as: z.literal("self", "must be self").optional(),
      weight: whole(1, 100).default(1),
      limits: limits(known).optional(),
    })
    .refine((it) => it.token_sha256 !== undefined || it.tokens.length + it.subject_alt_names.length + it.subjects.length > 0, {
      message: "must have token_sha256, tokens, subject_alt_names or subjects",
    })
    .transform(
      (it): Entry => ({
        caller: { name: it.name, permissions: new Set(it.permissions), actsAs: it.acts_as, weight: it.weight, limits: it.limits },
        networks: it.networks && createNetworks(it.networks),
        tokens: [
          ...(it.token_sha256 === undefined ? [] : [{ sha256: it.token_sha256, notBefore: -Infinity, notAfter: Infinity }]),
          ...it.tokens,
        ],
        subjectAltNames: it.subject_alt_names,
        subjects: it.subjects,
      }),
    );

const file = z.strictObject({
  callers: z.array(z.unknown()).min(1, "must name at least one caller").max(10_000),
  issuers: z.array(z.unknown()).max(100).default([]),
});

const faultsOf = ({ issues }: z.ZodError, at: string): string[] =>
  issues.map(({ path, message }) => `${[at, ...path].filter((step) => step !== "").join(".") || "the file"} ${message}`);

/** The items of a list that could be read, with their places in it. */
type Numbered<T> = readonly (readonly [number, T])[];

/** Reads each item of a list by itself, so that the faults of all are found, and adds the faults. */
const readEach = <T>(list: unknown, name: string, schema: z.ZodType<T>, faults: string[]): Numbered<T> =>
  (Array.isArray(list) ? list : []).flatMap((item, index) => {
    const parsed = schema.safeParse(item);
    if (parsed.success) return [[index, parsed.data] as const];
    faults.push(...faultsOf(parsed.error, `${name}.${index}`));
    return [];
  });

/** The faults of entries that do not go together: a credential of two callers, or one name with two different shares. */
const clashesOf = (entries: Numbered<Entry>, issuers: Numbered<Issuer>): string[] => {
  const faults: string[] = [];
  const known = new Set<string>();
  for (const [index, { issuer }] of issuers) {
    if (known.has(issuer)) faults.push(`issuers.${index} has the same issuer as one before`);
    known.add(issuer);
  }
  const owners = new Map<string, string>();
  const shares = new Map<string, string>();
  for (const [index, { caller, tokens, subjectAltNames, subjects }] of entries) {
    const claim = (credential: string, what: string) => {
      const owner = owners.get(credential);
      if (owner !== undefined) faults.push(`callers.${index} has the same ${what} as ${owner}`);
      owners.set(credential, caller.name);
    };
    for (const one of tokens) claim(`token ${one.sha256}`, "token");
    for (const name of subjectAltNames) claim(`name ${name}`, `subject_alt_name ${name}`);
    for (const { issuer, subject } of subjects) {
      claim(subjectKey(issuer, subject), `subject ${subject}`);
      if (!known.has(issuer)) faults.push(`callers.${index}.subjects names the issuer ${issuer}, which is not among the issuers`);
    }
    const { weight, limits: { concurrency, rates } = { concurrency: undefined, rates: new Map() } } = caller;
    const share = JSON.stringify([weight, concurrency, [...rates].sort()]);
    if ((shares.get(caller.name) ?? share) !== share)
      faults.push(`callers.${index} has another weight or limits than ${caller.name} before`);
    shares.set(caller.name, share);
  }
  return faults;
};

/** The contents of a callers' file, or its faults: sentences without a hash. */
export type ParsedFile = {
  readonly entries: readonly Entry[];
  readonly issuers: readonly Issuer[];
  readonly faults: readonly string[];
};

/** Reads the text of a callers' file, and finds all of its faults at once. `known` are the names of all permissions. */
export const parseCallersFile = (text: string, known: readonly string[]): ParsedFile => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { entries: [], issuers: [], faults: ["is not valid JSON"] };
  }
  const faults: string[] = [];
  const whole = file.safeParse(json);
  if (!whole.success) faults.push(...faultsOf(whole.error, ""));
  const given = json as { callers?: unknown; issuers?: unknown } | null;
  const entries = readEach(given?.callers, "callers", entry(known), faults);
  const issuers = readEach(given?.issuers, "issuers", issuerSchema, faults);
  faults.push(...clashesOf(entries, issuers));
  return { entries: entries.map(([, it]) => it), issuers: issuers.map(([, it]) => it), faults };
};
