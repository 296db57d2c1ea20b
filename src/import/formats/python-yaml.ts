import type { ScalarTag, Tags } from "yaml";

/**
 * The scalars that PyYAML reads as each type. YAML 1.1 has more, such as `y`, `08`, `1e3` and `00:30:00`: PyYAML reads these as text, and
 * so writes them without quotes.
 */
const tests: Readonly<Record<string, RegExp>> = {
  "bool true": /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/,
  "bool false": /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/,
  "int ": /^[-+]?(?:0|[1-9][0-9_]*)$/,
  "int BIN": /^[-+]?0b[0-1_]+$/,
  "int OCT": /^[-+]?0[0-7_]+$/,
  "int HEX": /^[-+]?0x[0-9a-fA-F_]+$/,
  "int TIME": /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/,
  "float ": /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/,
  "float EXP": /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/,
  "float TIME": /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/,
};

const PREFIX = "tag:yaml.org,2002:";

const isScalarTag = (tag: Tags[number]): tag is ScalarTag => typeof tag !== "string" && "test" in tag && tag.test !== undefined;

const adapted = (tag: Tags[number]): Tags => {
  if (!isScalarTag(tag)) return [tag];
  const type = tag.tag.slice(PREFIX.length);
  // Times stay text: a Date would cut them.
  if (type === "timestamp") return [];
  const which = type === "bool" ? String(tag.test?.test("true")) : (tag.format ?? "");
  const test = tests[`${type} ${which}`];
  // Not a number is text in the source too: the float that has no format of these keeps its test.
  return test === undefined || (type === "float" && tag.test?.test(".inf")) ? [tag] : [{ ...tag, test }];
};

/** Changes the tags of YAML 1.1, which give scalars their types, so that the parser reads scalars as PyYAML does. Times stay text. */
export const pythonTags = (tags: Tags): Tags => tags.flatMap(adapted);
