import { create, type DescField, type DescMessage, getOption, hasOption, isFieldSet, type Message, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  EnumRulesSchema,
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  Ignore,
  MessageRulesSchema,
  message as messageRules,
  oneof as oneofRules,
  RepeatedRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { oncePer } from "../../once-per.ts";

/** Tells whether a value keeps the rules for sure; false = protovalidate has to look. */
type Check = (value: unknown) => boolean;

type Fields = Readonly<Record<string, unknown>>;

const unsure: Check = () => false;

/** The rules of a field and of a message without any. To look for an option that is not there costs as much as to decode one. */
const [noFieldRules, noMessageRules] = [create(FieldRulesSchema), create(MessageRulesSchema)];

/** Makes one check of several. Undefined = there is nothing to check. */
const allOf = (checks: readonly (Check | undefined)[]): Check | undefined => {
  const some = checks.filter((check) => check !== undefined);
  if (some.length <= 1) return some[0];
  return (value) => {
    for (const check of some) if (!check(value)) return false;
    return true;
  };
};

/** Counts the characters of a text as protovalidate does: code points. */
const charactersOf = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** The rules of scalars that are simple, by their names in the messages of protovalidate, which has one such message for each type. */
const scalarRules: Readonly<Record<string, (limit: never) => Check>> = {
  gt: (limit: number) => (value) => (value as number) > limit,
  gte: (limit: number) => (value) => (value as number) >= limit,
  lt: (limit: number) => (value) => (value as number) < limit,
  lte: (limit: number) => (value) => (value as number) <= limit,
  const: (wanted: unknown) => (value) => value === wanted,
  notIn: (refused: readonly unknown[]) => (value) => !refused.includes(value),
  minLen: (limit: bigint) => (value) => (value as string).length >= 2n * limit || charactersOf(value as string) >= limit,
  maxLen: (limit: bigint) => (value) => (value as string).length <= limit || charactersOf(value as string) <= limit,
  minBytes: (limit: bigint) => (value) => Buffer.byteLength(value as string) >= limit,
  maxBytes: (limit: bigint) => (value) => Buffer.byteLength(value as string) <= limit,
  notContains: (text: string) => (value) => !(value as string).includes(text),
  pattern: (source: string) => {
    const pattern = new RegExp(source, "u");
    return (value) => pattern.test(value as string);
  },
  uuid: (isRule: boolean) => (value) => isRule && /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(value as string),
};

/** Returns the rules that are set, as a map from name to limit; undefined = there are some that this file does not know. */
const setRules = (rules: Message, desc: DescMessage): ReadonlyMap<string, unknown> | undefined => {
  if (rules.$unknown !== undefined && rules.$unknown.length > 0) return undefined;
  return new Map(
    desc.fields
      .filter((field) => isFieldSet(rules, field))
      .map(({ localName, oneof }) => {
        const given = (rules as unknown as Fields)[oneof?.localName ?? localName];
        return [localName, oneof === undefined ? given : (given as { readonly value: unknown }).value];
      }),
  );
};

const typeRulesOf = (rules: FieldRules): ReadonlyMap<string, unknown> | undefined => {
  const { type } = rules;
  if (type.case === undefined) return new Map();
  const desc = FieldRulesSchema.fields.find(({ localName }) => localName === type.case)?.message;
  return desc && setRules(type.value, desc);
};

const isRange = (rules: ReadonlyMap<string, unknown>): boolean => {
  const [low, high] = [rules.get("gt") ?? rules.get("gte"), rules.get("lt") ?? rules.get("lte")] as (number | undefined)[];
  return low === undefined || high === undefined || low <= high;
};

const hasExpressions = ({ cel, celExpression }: Pick<FieldRules, "cel" | "celExpression">): boolean =>
  cel.length > 0 || celExpression.length > 0;

/** The check of one value, be it a field's or an item's of a list. */
const valueCheck = (field: DescField, rules: FieldRules | undefined): Check | undefined => {
  const given = rules && typeRulesOf(rules);
  if (rules !== undefined && (given === undefined || hasExpressions(rules))) return unsure;
  if (field.message !== undefined) return given === undefined || given.size === 0 ? checkOf(field.message) : unsure;
  if (given === undefined || given.size === 0) return undefined;
  if (!isRange(given)) return unsure;
  const definedOnly = EnumRulesSchema.field.definedOnly.localName;
  return allOf(
    [...given].map(([name, limit]) => {
      if (name === definedOnly) {
        const numbers = new Set(field.enum?.values.map(({ number }) => number));
        return limit === true ? (value) => numbers.has(value as number) : undefined;
      }
      return scalarRules[name]?.(limit as never) ?? unsure;
    }),
  );
};

const isUnique: Check = (list) => new Set(list as readonly unknown[]).size === (list as readonly unknown[]).length;

const listCheck = (field: DescField & { fieldKind: "list" }, rules: FieldRules): Check | undefined => {
  const given = typeRulesOf(rules);
  if (given === undefined || hasExpressions(rules)) return unsure;
  const known = RepeatedRulesSchema.field;
  const items = given.get(known.items.localName) as FieldRules | undefined;
  if (items !== undefined && (items.ignore !== Ignore.UNSPECIFIED || items.required)) return unsure;
  const item = valueCheck(field, items);
  const isComparable = field.listKind !== "message" && field.scalar !== ScalarType.BYTES && field.scalar !== ScalarType.DOUBLE;
  return allOf([
    ...[...given].map(([name, limit]): Check | undefined => {
      if (name === known.minItems.localName) return (list) => (list as readonly unknown[]).length >= (limit as bigint);
      if (name === known.maxItems.localName) return (list) => (list as readonly unknown[]).length <= (limit as bigint);
      if (name === known.unique.localName && limit === true) return isComparable ? isUnique : unsure;
      return name === known.items.localName || limit === false ? undefined : unsure;
    }),
    item &&
      ((list) => {
        for (const value of list as readonly unknown[]) if (!item(value)) return false;
        return true;
      }),
  ]);
};

/** Makes the function that returns the value of a field that is set; undefined = it is not. */
const setValueOf = (field: DescField): ((message: Fields) => unknown) => {
  const { localName, oneof } = field;
  if (oneof !== undefined) {
    return (message) => {
      const choice = message[oneof.localName] as { readonly case?: string; readonly value?: unknown };
      return choice.case === localName ? choice.value : undefined;
    };
  }
  const isSet: Check =
    field.fieldKind === "list"
      ? (list) => (list as readonly unknown[]).length > 0
      : field.fieldKind === "map"
        ? (map) => Object.keys(map as object).length > 0
        : field.presence === FeatureSet_FieldPresence.IMPLICIT
          ? (value) => (value instanceof Uint8Array ? value.byteLength > 0 : Boolean(value) || Object.is(value, -0) || Number.isNaN(value))
          : (value) => value !== undefined;
  return (message) => {
    const value = message[localName];
    return isSet(value) ? value : undefined;
  };
};

const mapCheck = ({ mapKind }: DescField & { fieldKind: "map" }, rules: FieldRules): Check | undefined =>
  mapKind === "message" || rules.type.case !== undefined || hasExpressions(rules) ? unsure : undefined;

const fieldCheck = (field: DescField, isInOneof: boolean): Check | undefined => {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : noFieldRules;
  const ignore = isInOneof && !isFieldSet(rules, FieldRulesSchema.field.ignore) ? Ignore.IF_ZERO_VALUE : rules.ignore;
  if (ignore === Ignore.ALWAYS) return undefined;
  const check =
    field.fieldKind === "list" ? listCheck(field, rules) : field.fieldKind === "map" ? mapCheck(field, rules) : valueCheck(field, rules);
  const setValue = setValueOf(field);
  // Without presence, zero is a value like any other, unless it is ignored.
  const hasValue = field.fieldKind === "list" || field.presence === FeatureSet_FieldPresence.IMPLICIT;
  if (rules.required || ignore === Ignore.IF_ZERO_VALUE || !hasValue) {
    if (check === undefined && !rules.required) return undefined;
    return (message) => {
      const value = setValue(message as Fields);
      return value === undefined ? !rules.required : (check?.(value) ?? true);
    };
  }
  return check && ((message) => check((message as Fields)[field.localName]));
};

/** The check of a message, made once for all requests that hold one of its type. */
const checkOf = oncePer((desc: DescMessage): Check | undefined => {
  // protobuf's own types, such as Value, have no rules.
  if (desc.typeName.startsWith("google.protobuf.")) return undefined;
  const rules = hasOption(desc, messageRules) ? getOption(desc, messageRules) : noMessageRules;
  if (hasExpressions(rules)) return unsure;
  const inOneofs = new Set(rules.oneof.flatMap(({ fields }) => fields));
  return allOf([
    ...desc.fields.map((field) => fieldCheck(field, inOneofs.has(field.name))),
    ...rules.oneof.map(({ fields, required }): Check => {
      const values = desc.fields.filter(({ name }) => fields.includes(name)).map(setValueOf);
      return (message) => {
        let count = 0;
        for (const setValue of values) if (setValue(message as Fields) !== undefined) count += 1;
        return count <= 1 && (count === 1 || !required);
      };
    }),
    ...desc.oneofs
      .filter((oneof) => hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required)
      .map(
        ({ localName }): Check =>
          (message) =>
            ((message as Fields)[localName] as { readonly case?: string }).case !== undefined,
      ),
  ]);
});

/**
 * Makes the function that tells whether a request keeps the rules of the proto for sure, which it tells several times as fast as protovalidate, by
 * comparing values. False = the request breaks a rule, or has a field with a rule that is not simple: protovalidate is the judge. The type must
 * not hold itself.
 */
export const simpleRulesCheck = (input: DescMessage): ((request: Message) => boolean) => checkOf(input) ?? (() => true);
