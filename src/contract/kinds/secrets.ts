import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { FieldBehavior } from "../../gen/google/api/field_behavior_pb.ts";
import { type Kind as KindOptions, KindSecrecy, type KindToken, KindTokenSchema } from "../../gen/userd/v1/kind_pb.ts";
import { standardFields } from "./column.ts";
import type { Note } from "./faults.ts";
import type { Column, Secret, TokenFields } from "./kind.ts";
import { behaves, kindOptionsOf, optionsOf, rulesOf } from "./options.ts";

/** The number of characters of a token that its resource may show. */
export const LAST_CHARACTERS = 4;

/** Tells whether a field is a secret, which is stored, but is no column that statements of reads name. */
export const isSecret = (field: DescField): boolean => optionsOf(field).secrecy !== KindSecrecy.UNSPECIFIED;

/** What a secret can't have besides: each of these would show its value, or make it from another one. */
const checkAlone = (field: DescField, note: Note): void => {
  const { reference, notBlank, slugFrom, defaultTrue, defaultUuid, filter, auditValue, importLinks } = optionsOf(field);
  const others = [
    ["has a reference", reference !== undefined],
    ["is not_blank", notBlank],
    ["is a slug", slugFrom !== ""],
    ["is default_true", defaultTrue],
    ["is default_uuid", defaultUuid],
    ["is declared for filters", filter],
    ["is an audit_value", auditValue],
    ["has import_links", importLinks.length > 0],
    ["is IMMUTABLE", behaves(field, FieldBehavior.IMMUTABLE)],
  ] as const;
  if (standardFields.has(field.name)) note(field, "is a field of the engine and a secret");
  if (kindOptionsOf(field.parent).keys.some(({ name }) => name === field.name)) note(field, "is a secret and has the name of a key");
  for (const [other, holds] of others) if (holds) note(field, `is a secret and ${other}`);
  if (field.presence !== FeatureSet_FieldPresence.EXPLICIT) note(field, 'is a secret and not "optional": answers have none of it');
};

const hasMaxLength = (field: DescField): boolean => {
  const rules = rulesOf(field);
  return (rules.case === "string" || rules.case === "bytes") && rules.value.maxLen > 0n;
};

const checkSealed = (field: DescField, note: Note): void => {
  const { required, nullable, import: imported } = optionsOf(field);
  if (!behaves(field, FieldBehavior.INPUT_ONLY)) note(field, "is sealed and not INPUT_ONLY");
  if (required === nullable) note(field, "is sealed and has to be either required or nullable");
  if (!hasMaxLength(field)) note(field, "is sealed and has no rule max_len");
  if (imported.length > 0) note(field, "is sealed and imported: no export file has it as it is stored here");
  const isImported = kindOptionsOf(field.parent).import.length > 0;
  if (isImported && required) note(field, "is sealed and required, and export files have no value for it");
};

/** The fields of a kind that say something of its tokens. */
const tokenFields = (field: DescField, token: KindToken, columns: readonly Column[], note: Note): TokenFields => {
  const find = (name: string, what: string, fits: (column: Column) => boolean): Column | undefined => {
    const column = columns.find((one) => one.name === name);
    if (name !== "" && (column === undefined || !fits(column))) note(field, `has tokens, and "${name}" is no ${what}`);
    return column;
  };
  const isShort = ({ maxLength }: Column): boolean => maxLength >= LAST_CHARACTERS;
  const isOutput = ({ isOutputOnly, type }: Column, of: Column["type"]): boolean => isOutputOnly && type === of;
  return {
    prefix: token.prefix,
    lastCharacters: find(
      token.lastCharacters,
      `OUTPUT_ONLY string of ${LAST_CHARACTERS} characters`,
      (one) => isOutput(one, "text") && isShort(one),
    ),
    lastUsed: find(token.lastUsed, "OUTPUT_ONLY time that may be absent", (one) => isOutput(one, "timestamptz") && one.isNullable),
    ends: token.ends.flatMap((name) => find(name, "time", ({ type }) => type === "timestamptz") ?? []),
    active: find(token.active, "bool", ({ type }) => type === "boolean"),
  };
};

const checkHashed = (field: DescField, prefix: string, note: Note): void => {
  const { required, nullable, import: imported } = optionsOf(field);
  if (field.scalar !== ScalarType.STRING) note(field, "is hashed and no string");
  if (!behaves(field, FieldBehavior.OUTPUT_ONLY)) note(field, "is hashed and not OUTPUT_ONLY: the service makes it");
  if (required || nullable) note(field, "is hashed, and each resource has a token: it is neither required nor nullable");
  if (!/^(?:[a-z][a-z0-9]*_)+$/.test(prefix))
    note(field, 'is hashed and has no token.prefix of words that end in underscores, like "userd_org_"');
  const isImported = kindOptionsOf(field.parent).import.length > 0;
  if (isImported && !(imported.length > 0 && imported.every(({ sha256, part }) => sha256 && part === "")))
    note(field, "is hashed and imported: import has to name where the records have its sha256");
};

/** The permissions of secrets, which are for nothing else. */
const checkPermissions = (message: DescMessage, options: KindOptions, secrets: readonly Secret[], note: Note): void => {
  const { readPermission, writePermission, revealPermission, verifyPermission } = options;
  const needs = [
    ["sealed", "reveal_permission", revealPermission, secrets.some(({ secrecy }) => secrecy === "sealed")],
    ["hashed", "verify_permission", verifyPermission, secrets.some(({ secrecy }) => secrecy === "hashed")],
  ] as const;
  for (const [secrecy, name, permission, isNeeded] of needs) {
    if (isNeeded && permission === "") note(message, `has ${secrecy} fields and no ${name}`);
    if (!isNeeded && permission !== "") note(message, `has the ${name} "${permission}" and no ${secrecy} field`);
    if (permission !== "" && (permission === readPermission || permission === writePermission))
      note(message, `has the ${name} "${permission}", which is for other RPCs too`);
  }
};

/** Reads the secrets of a kind, and notes their faults. */
export const readSecrets = (message: DescMessage, options: KindOptions, columns: readonly Column[], note: Note): readonly Secret[] => {
  for (const field of message.fields)
    if (!isSecret(field) && optionsOf(field).import.some(({ sha256 }) => sha256)) note(field, "is imported as a SHA-256 and not hashed");
  const secrets = message.fields.filter(isSecret).flatMap((field): Secret[] => {
    const { secrecy, required, token } = optionsOf(field);
    if (field.fieldKind !== "scalar" || (field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES) || field.oneof) {
      note(field, "is a secret and neither a string nor bytes");
      return [];
    }
    checkAlone(field, note);
    const isBytes = field.scalar === ScalarType.BYTES;
    if (secrecy === KindSecrecy.SEALED) {
      checkSealed(field, note);
      if (token !== undefined) note(field, "has tokens and is not hashed");
      return [{ field, name: field.name, secrecy: "sealed", isBytes, isRequired: required }];
    }
    checkHashed(field, token?.prefix ?? "", note);
    const tokens = tokenFields(field, token ?? create(KindTokenSchema), columns, note);
    return [{ field, name: field.name, secrecy: "hashed", isBytes, isRequired: true, token: tokens }];
  });
  const [, second] = secrets.filter(({ secrecy }) => secrecy === "hashed");
  if (second !== undefined) note(second.field, "is a second hashed field: Verify finds a resource by one");
  checkPermissions(message, options, secrets, note);
  return secrets;
};
