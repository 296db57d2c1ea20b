import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { type OptionDefinitionSchema, OptionMerge, OptionMode, OptionScope, OptionType } from "../../gen/userd/v1/option_definition_pb.ts";
import { toValue } from "../value.ts";
import type { Definition } from "./definition.ts";

const types: Record<Definition["type"], OptionType> = {
  any: OptionType.UNSPECIFIED,
  bool: OptionType.BOOL,
  int: OptionType.INT,
  number: OptionType.NUMBER,
  string: OptionType.STRING,
  enum: OptionType.ENUM,
  language: OptionType.LANGUAGE,
  timezone: OptionType.TIMEZONE,
  verified_email: OptionType.VERIFIED_EMAIL,
  object: OptionType.OBJECT,
  list: OptionType.LIST,
};

const scopes: Record<Definition["scopes"][number], OptionScope> = {
  user: OptionScope.USER,
  organization: OptionScope.ORGANIZATION,
  project: OptionScope.PROJECT,
};

const modes: Record<Definition["mode"], OptionMode> = {
  enforce: OptionMode.ENFORCE,
  warn: OptionMode.WARN,
  off: OptionMode.OFF,
};

/** Converts the definition of an option in the registry to the message that the API answers with. */
export const toOptionDefinition = (definition: Definition): MessageInitShape<typeof OptionDefinitionSchema> => ({
  key: definition.key,
  description: definition.description,
  type: types[definition.type],
  nullable: definition.nullable,
  values: (definition.values ?? []).map(toValue),
  scopes: definition.scopes.map((scope) => scopes[scope]),
  ...(definition.default !== undefined && { defaultValue: toValue(definition.default) }),
  maxBytes: definition.max_bytes,
  merge: definition.merge === "object" ? OptionMerge.OBJECT : OptionMerge.UNSPECIFIED,
  mode: modes[definition.mode],
  indexed: definition.indexed,
  sensitive: definition.sensitive,
  readers: definition.readers ?? [],
  writers: definition.writers ?? [],
  deprecated: definition.deprecated,
  ...(definition.schema && { schema: definition.schema as JsonObject }),
});
