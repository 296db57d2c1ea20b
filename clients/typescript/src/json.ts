import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";

/** Makes the message of a JSON value, such as that of an option. */
export const toValue = (json: JsonValue): Value => fromJson(ValueSchema, json);

/** Returns the JSON value of a message; undefined for an absent one. */
export const toJsonValue = (value: Value | undefined): JsonValue | undefined =>
  value === undefined ? undefined : toJson(ValueSchema, value);
