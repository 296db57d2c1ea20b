import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Definition } from "./definition.ts";
import { isLanguage } from "./language.ts";
import { isTimezone } from "./timezone.ts";

/** A function that returns the fault of a value, in words that do not repeat the value; undefined = the value fits. */
export type Check = (value: JsonValue) => string | undefined;

const when =
  (fits: (value: JsonValue) => boolean, otherwise: string): Check =>
  (value) =>
    fits(value) ? undefined : otherwise;

const isObject = (value: JsonValue): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// An unknown keyword or format is refused, since a typing error must not let every value pass.
const settings = { logger: false, ownProperties: true, strict: false, strictSchema: true } as const;

let judge: Ajv2020 | undefined;

/** Throws the error of what is no JSON Schema. The schema of schemas takes ten times as long to compile as one of an option, so it is compiled once. */
const assertSchema = (schema: object): void => {
  judge ??= new Ajv2020(settings);
  judge.validateSchema(schema, true);
};

/** Compiles a JSON Schema with a validator of its own: a shared one would refuse the `$id`s of a file that is read again. */
const compile = (schema: object, isOurs: boolean) => {
  if (!isOurs) assertSchema(schema);
  const ajv = new Ajv2020({ ...settings, validateSchema: false });
  const validate = ajv.compile(schema);
  if ("$async" in validate) throw new Error("$async is not taken");
  return validate;
};

const withSchema = (type: Check, schema: Definition["schema"], isOurs: boolean): Check => {
  if (schema === undefined) return type;
  const validate = compile(schema, isOurs);
  return (value) => {
    const fault = type(value);
    if (fault !== undefined) return fault;
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    // The path in the schema: that in the value is made of the value's own words.
    return `does not fit its schema: it ${error?.message ?? "is refused"} (${error?.schemaPath ?? "#"})`;
  };
};

const byType: Record<Definition["type"], (definition: Definition, isOurs: boolean) => Check> = {
  any: () => () => undefined,
  bool: () => when((value) => typeof value === "boolean", "has to be true or false"),
  int: () => when((value) => Number.isSafeInteger(value), "has to be a whole number"),
  number: () => when((value) => typeof value === "number", "has to be a number"),
  string: () => when((value) => typeof value === "string", "has to be a string"),
  enum: ({ values = [] }) =>
    when(
      (value) => values.some((one) => isDeepStrictEqual(one, value)),
      `has to be one of ${values.map((one) => JSON.stringify(one)).join(", ")}`,
    ),
  language: () => when((value) => typeof value === "string" && isLanguage(value), "has to be a language tag, such as pt-BR"),
  timezone: () =>
    when(
      (value) => typeof value === "string" && isTimezone(value),
      "has to be a time zone of the IANA database in its spelling, such as Europe/Vienna",
    ),
  // Which addresses are the user's, and verified, is state: verified-email.ts looks.
  verified_email: () => when((value) => typeof value === "string", "has to be an address"),
  object: ({ schema }, isOurs) => withSchema(when(isObject, "has to be an object"), schema, isOurs),
  list: ({ schema }, isOurs) => withSchema(when(Array.isArray, "has to be a list"), schema, isOurs),
};

/**
 * Makes the function that checks values against one definition. Throws Error when the JSON Schema of the definition is not valid. That of a
 * definition that comes with userd (`isOurs`) is compiled, but not looked at before: a test does.
 */
export const checkOf = (definition: Definition, isOurs: boolean): Check => {
  const check = byType[definition.type](definition, isOurs);
  return definition.nullable ? (value) => (value === null ? undefined : check(value)) : check;
};
