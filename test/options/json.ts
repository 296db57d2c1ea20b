import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";

/** The JSON of a value; undefined = there is none. */
export const json = (message: Value | undefined): JsonValue | undefined => message && toJson(ValueSchema, message);
