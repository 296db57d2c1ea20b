import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";

const json: z.ZodType<JsonValue> = z.json();

/** The scopes of a user's options, as the registry file names them; `user` is the global one. */
const scopeNames = ["user", "organization", "project"] as const;

/** The types of option values, as the registry file names them. */
export const typeNames = [
  "any",
  "bool",
  "int",
  "number",
  "string",
  "enum",
  "language",
  "timezone",
  "verified_email",
  "object",
  "list",
] as const;

/** The ways to deal with a value that does not fit its definition, as the registry file names them. */
export const modeNames = ["enforce", "warn", "off"] as const;

/** Patterns of the names of callers, such as `web-*`. */
const callers = z.array(z.string().regex(/^[\w.*-]{1,64}$/, "has to be the name of a caller, in which * stands for any characters")).min(1);

/** The schema of one key of the registry file; every field but the description and the type can be left out. */
export const definitionSchema = z
  .strictObject({
    description: z.string().min(1),
    type: z.enum(typeNames),
    values: z.array(json).min(1).optional(),
    /** Tells whether null fits too, whatever the type. */
    nullable: z.boolean().default(false),
    scopes: z.array(z.enum(scopeNames)).min(1).default(["user"]),
    default: json.optional(),
    max_bytes: z
      .int()
      .min(1)
      .max(64 * 1024)
      .default(64 * 1024),
    merge: z.enum(["object"]).optional(),
    mode: z.enum(modeNames).default("enforce"),
    indexed: z.boolean().default(false),
    /** Tells whether reading a value takes the permission options.read_sensitive. */
    sensitive: z.boolean().default(false),
    /** The callers that may read values; undefined = all. */
    readers: callers.optional(),
    /** The callers that may write values; undefined = all. */
    writers: callers.optional(),
    deprecated: z.string().default(""),
    schema: z.record(z.string(), json).optional(),
  })
  .superRefine((definition, context) => {
    const { type, values, schema, merge } = definition;
    const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (type === "enum" && values === undefined) refuse("type", "enum needs values");
    if (type !== "enum" && values !== undefined) refuse("values", "go with the type enum only");
    if (schema !== undefined && type !== "object" && type !== "list") refuse("schema", "goes with the types object and list only");
    if (merge !== undefined && type !== "object") refuse("merge", "goes with the type object only");
    if (type === "verified_email" && definition.default !== undefined) refuse("default", "is the user's primary address");
  });

/** The definition of one key in the registry. */
export type Definition = z.infer<typeof definitionSchema> & { readonly key: string };

/** Tells whether a text can be the key of an option. */
export const isKey = (text: string): boolean => /^[A-Za-z0-9_.:-]{1,64}$/.test(text);
