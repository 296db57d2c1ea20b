import { type DescField, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { FieldBehavior } from "../../gen/google/api/field_behavior_pb.ts";
import { deleted, field as fieldOption, KindReferenceDeletion } from "../../gen/userd/v1/kind_pb.ts";
import type { Note } from "./faults.ts";
import { type Column, type ColumnType, isComparable, type Link, type Reference, type Referent } from "./kind.ts";
import { behaves, kindOptionsOf, optionsOf, rulesOf } from "./options.ts";

/** The standard fields, which userd itself fills in resources of kinds: a map from their names to the types of their columns. */
export const standardFields: ReadonlyMap<string, ColumnType> = new Map([
  ["id", "bigint"],
  ["create_time", "timestamptz"],
  ["delete_time", "timestamptz"],
  ["purge_time", "timestamptz"],
  ["etag", "text"],
]);

/** Names that statements give to what they compute of a row. */
const computed = ["bytes", "upto", "deleted_ancestor"];

const scalarTypes: Readonly<Partial<Record<ScalarType, ColumnType>>> = {
  [ScalarType.INT64]: "bigint",
  [ScalarType.INT32]: "int",
  [ScalarType.DOUBLE]: "double precision",
  [ScalarType.BOOL]: "boolean",
  [ScalarType.STRING]: "text",
};

const messageTypes: Readonly<Record<string, ColumnType>> = {
  "google.protobuf.Timestamp": "timestamptz",
  "google.protobuf.Struct": "jsonb",
};

/** Tells whether a field is a list of texts or objects, which one column holds, and not a list of references. */
export const isListOfValues = (field: DescField): boolean =>
  field.fieldKind === "list" &&
  (field.listKind === "scalar"
    ? field.scalar === ScalarType.STRING
    : field.listKind === "message" && field.message.typeName === "google.protobuf.Struct");

/** Returns the type of a field's column; undefined for a field that can't be stored in one. */
const columnTypeOf = (field: DescField): ColumnType | undefined => {
  if (field.oneof !== undefined) return undefined;
  if (isListOfValues(field)) return "jsonb";
  if (field.fieldKind === "scalar") return scalarTypes[field.scalar];
  if (field.fieldKind === "message") return messageTypes[field.message.typeName];
  return field.fieldKind === "enum" ? "smallint" : undefined;
};

/** Rules without which a value would get as far as the database and be refused there. */
const checkRules = (field: DescField, type: ColumnType, note: Note): void => {
  const rules = rulesOf(field);
  if (isListOfValues(field)) {
    const { maxItems = 0n, items } = rules.case === "repeated" ? rules.value : {};
    if (maxItems === 0n) note(field, "has no (buf.validate.field).repeated.max_items, so it has no column");
    const { maxLen = 0n, notContains = "" } = items?.type.case === "string" ? items.type.value : {};
    if (field.fieldKind === "list" && field.listKind === "scalar") {
      if (maxLen === 0n) note(field, "has no rule max_len of its items");
      if (notContains !== "\0") note(field, 'has no rule not_contains: "\\000" of its items');
    }
    if (optionsOf(field).nullable) note(field, "is repeated and nullable: where it has no items it is empty");
  }
  if (type === "text") {
    const { maxLen = 0n, notContains = "", pattern = "" } = rules.case === "string" ? rules.value : {};
    if (maxLen === 0n) note(field, "has no (buf.validate.field).string.max_len, so it has no column");
    if (notContains !== "\0" && (pattern === "" || optionsOf(field).slugFrom === ""))
      note(field, 'has no rule not_contains: "\\000", which no text of the database can hold');
  }
  if (type === "double precision" && !(rules.case === "double" && rules.value.finite)) note(field, "has no rule finite");
  if (type === "smallint" && !(rules.case === "enum" && rules.value.definedOnly)) note(field, "has no rule enum.defined_only");
};

/** A field has one role: the engine fills it, Create demands it, or it may have no value. */
const checkRoles = (field: DescField, note: Note): void => {
  const { reference, nullable, required, notBlank, slugFrom, defaultTrue, defaultUuid, defaultNow } = optionsOf(field);
  const roles = [
    ["a field of the engine", standardFields.has(field.name)],
    ["OUTPUT_ONLY", !standardFields.has(field.name) && behaves(field, FieldBehavior.OUTPUT_ONLY)],
    ["required", required],
    // What a record happened to may be unknown.
    ["nullable", nullable && !(reference?.parent && kindOptionsOf(field.parent).large)],
    ["not_blank", notBlank],
    ["a slug", slugFrom !== ""],
    ["default_true", defaultTrue],
    ["default_uuid", defaultUuid],
    ["default_now", defaultNow],
    ["the parent", reference?.parent === true],
    ["cleared with what it refers to", reference?.deletion === KindReferenceDeletion.SET_NULL],
  ] as const;
  const held = roles.filter(([, holds]) => holds).map(([role]) => role);
  if (held.length > 1) note(field, `has two roles: ${held.join(" and ")}`);
  if (standardFields.has(field.name) && reference !== undefined) note(field, "is a field of the engine and has a reference");
};

const checkPresence = (field: DescField, note: Note): void => {
  if (isListOfValues(field) || field.presence === FeatureSet_FieldPresence.EXPLICIT || behaves(field, FieldBehavior.OUTPUT_ONLY)) return;
  note(field, 'can be written and is not "optional": an update could not tell its default from its absence');
};

/** A weak reference is an id that nothing looks up, so it has neither an effect nor a meaning without a value. */
const checkWeak = (field: DescField, note: Note): void => {
  const { reference, nullable, required } = optionsOf(field);
  if (field.fieldKind === "list") note(field, "is repeated and weak: the rows of its table have to refer to something");
  else if (!nullable && !required) note(field, "is weak and neither nullable nor required: 0 is no id");
  if (reference?.parent) note(field, "is weak and can't be the parent");
  if (reference?.deletion !== KindReferenceDeletion.UNSPECIFIED) note(field, "is weak, so a removal does nothing to it");
};

/** The reference of a field; undefined = it has none, a weak one, or one to an unknown kind. */
const referenceOf = (field: DescField, referents: ReadonlyMap<string, Referent>, note: Note): Reference | undefined => {
  const { reference } = optionsOf(field);
  if (reference === undefined) return undefined;
  const to = referents.get(reference.kind);
  if (to === undefined) note(field, `refers to the unknown kind "${reference.kind}"`);
  const isInt64 = (field.fieldKind === "list" && field.listKind === "scalar") || field.fieldKind === "scalar" ? field.scalar : undefined;
  if (isInt64 !== ScalarType.INT64) note(field, "refers to something and is no int64");
  if (reference.weak) {
    checkWeak(field, note);
    return undefined;
  }
  if (reference.deletion === KindReferenceDeletion.UNSPECIFIED) note(field, "does not say what the removal of what it refers to does");
  if (reference.parent && reference.deletion !== KindReferenceDeletion.CASCADE) note(field, "is the parent, with which a resource goes");
  const isFixed = behaves(field, FieldBehavior.IMMUTABLE) || behaves(field, FieldBehavior.OUTPUT_ONLY);
  if (reference.parent && !isFixed) note(field, "is the parent and not IMMUTABLE: a resource never moves to another one");
  const deletion = reference.deletion === KindReferenceDeletion.SET_NULL ? "set null" : "cascade";
  return to && { to, isParent: reference.parent, deletion };
};

/** The most characters of a text that the change log keeps: a slug, and no description. */
const MAX_AUDITED = 64;

/** The change log keeps values longer than resources do: only of what says how a resource stands. */
const isAuditable = (field: DescField, type: ColumnType): boolean => {
  const rules = rulesOf(field);
  if (type === "text") return rules.case === "string" && Number(rules.value.maxLen) <= MAX_AUDITED;
  return type === "boolean" || type === "smallint";
};

/** An enum has the value after UNSPECIFIED. */
const defaultOf = (field: DescField, type: ColumnType): Column["defaultValue"] => {
  if (isListOfValues(field)) return "[]";
  if (type === "text") return "";
  if (type === "boolean") return optionsOf(field).defaultTrue;
  if (type === "smallint") return field.enum?.values.find(({ number }) => number > 0)?.number ?? null;
  return type === "bigint" ? 0n : type === "int" || type === "double precision" ? 0 : null;
};

/** Makes the column of a field that is no list of references, and notes the faults of the field. */
export const readColumn = (field: DescField, referents: ReadonlyMap<string, Referent>, note: Note): Column | undefined => {
  const { name } = field;
  const type = columnTypeOf(field);
  checkRoles(field, note);
  if (computed.includes(name)) note(field, "has a name that is taken by what the engine computes");
  if (name in Object.prototype) note(field, "has a name that every object of JavaScript has");
  const reference = referenceOf(field, referents, note);
  if (type === undefined) {
    note(field, "is of a type that has no column");
    return undefined;
  }
  const isStandard = standardFields.has(name);
  if (isStandard && standardFields.get(name) !== type)
    note(field, `is a field of the engine and has to be stored as ${standardFields.get(name)}`);
  if (!isStandard) {
    checkRules(field, type, note);
    if (reference?.isParent !== true || optionsOf(field).nullable) checkPresence(field, note);
  }
  const { nullable, required, notBlank, slugFrom, filter, auditValue, defaultTrue, defaultUuid, defaultNow } = optionsOf(field);
  if (auditValue && !isAuditable(field, type))
    note(field, `is an audit_value and neither a flag, an enum, nor a text of ${MAX_AUDITED} characters at most`);
  if (filter && (!isComparable(type) || name === "etag")) note(field, "is declared for filters and can't be compared");
  if (defaultTrue && type !== "boolean") note(field, "is default_true and no bool");
  if (defaultUuid && type !== "text") note(field, "is default_uuid and no string");
  if (defaultNow && type !== "timestamptz") note(field, "is default_now and no time");
  const deletedValue = field.enum?.values.find((value) => getOption(value, deleted))?.number;
  const rules = rulesOf(field);
  const { maxLen = 0n, minLen = 0n } = rules.case === "string" ? rules.value : {};
  const isNullable =
    nullable || (field.fieldKind === "message" && name !== "create_time" && !required && !defaultNow) || reference?.deletion === "set null";
  const isRequired = required || notBlank || (reference?.isParent === true && !nullable);
  return {
    field,
    name,
    type,
    enumBase: 0,
    ...(deletedValue !== undefined && { deletedValue }),
    isNullable,
    isRequired,
    isNotBlank: notBlank,
    isUuid: defaultUuid,
    isNow: defaultNow,
    slugFrom,
    defaultValue: isNullable || isRequired || defaultUuid || defaultNow ? null : defaultOf(field, type),
    isImmutable: behaves(field, FieldBehavior.IMMUTABLE),
    isOutputOnly: isStandard || behaves(field, FieldBehavior.OUTPUT_ONLY),
    isAudited: auditValue,
    ...(reference && { reference }),
    maxLength: Number(maxLen),
    isNotEmpty: minLen > 0n,
  };
};

/** Makes the link of a repeated field, and notes the faults of the field. `table` is the table of the field's kind. */
export const readLink = (field: DescField, table: string, referents: ReadonlyMap<string, Referent>, note: Note): Link | undefined => {
  const { name } = field;
  if (!hasOption(field, fieldOption) || optionsOf(field).reference === undefined || !name.endsWith("_ids")) {
    note(field, 'is repeated and no reference whose name ends in "_ids", so it has no column');
    return undefined;
  }
  const reference = referenceOf(field, referents, note);
  if (reference?.isParent) note(field, "is repeated and can't be the parent");
  if (reference?.deletion === "set null") note(field, "is repeated: an element goes with what it refers to, or not at all");
  const rules = rulesOf(field);
  const isOutputOnly = behaves(field, FieldBehavior.OUTPUT_ONLY);
  const maxItems = rules.case === "repeated" ? Number(rules.value.maxItems) : 0;
  if (!isOutputOnly && !(rules.case === "repeated" && rules.value.unique && maxItems > 0)) note(field, "has no rules unique and max_items");
  const one = name.slice(0, -"_ids".length);
  const { required: isRequired } = optionsOf(field);
  if (isRequired && isOutputOnly) note(field, "has two roles: OUTPUT_ONLY and required");
  return reference && { field, name, table: `${table}_${one}`, column: `${one}_id`, to: reference.to, isOutputOnly, isRequired, maxItems };
};
