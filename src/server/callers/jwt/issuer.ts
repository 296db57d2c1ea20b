import { z } from "zod";

/** The algorithms of signatures that can be verified with a public key. HS256 and its kin are not among them, nor is `none`. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const;

/** An issuer of tokens, as the callers' file has it. */
export type Issuer = {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** The place of its keys: a URL, or the path of a file. */
  readonly keys: { readonly kind: "url" | "file"; readonly at: string };
  readonly algorithms: readonly string[];
  readonly clockSkewSeconds: number;
  /** The type that tokens have to have in their header; undefined = any. */
  readonly type: string | undefined;
  readonly claims: {
    readonly caller: string;
    readonly permissions: string | undefined;
    readonly actingUser: string | undefined;
  };
};

/** Returns the name under which a subject of an issuer is looked up. */
export const subjectKey = (issuer: string, subject: string): string => JSON.stringify([issuer, subject]);

const text = z.string().min(1).max(1024);
const texts = z.array(text).min(1, "must not be empty").max(100);

const isSafeUrl = (url: string): boolean => {
  const { protocol, hostname, username, password } = URL.parse(url) ?? {};
  if (username || password) return false;
  return protocol === "https:" || (protocol === "http:" && (hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]"));
};

/** The schema of an issuer in the callers' file. */
export const issuerSchema = z
  .strictObject({
    issuer: text,
    audience: z.union([text.transform((one) => [one]), texts]),
    jwks_url: text.refine(isSafeUrl, "must be a URL with https, or with http on this machine, and without a password").optional(),
    jwks_file: text.optional(),
    algorithms: z
      .array(z.enum(algorithms))
      .min(1)
      .default([...algorithms]),
    clock_skew_seconds: z.int().min(0).max(300).default(30),
    type: text.optional(),
    claims: z.strictObject({ caller: text.default("sub"), permissions: text.optional(), acting_user: text.optional() }).prefault({}),
  })
  .refine((it) => (it.jwks_url === undefined) !== (it.jwks_file === undefined), { message: "must have jwks_url or jwks_file" })
  .transform(
    (it): Issuer => ({
      issuer: it.issuer,
      audience: it.audience,
      keys: it.jwks_url === undefined ? { kind: "file", at: it.jwks_file ?? "" } : { kind: "url", at: it.jwks_url },
      algorithms: it.algorithms,
      clockSkewSeconds: it.clock_skew_seconds,
      type: it.type,
      claims: { caller: it.claims.caller, permissions: it.claims.permissions, actingUser: it.claims.acting_user },
    }),
  );
