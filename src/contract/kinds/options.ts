import { type DescField, type DescMessage, getOption } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type FieldBehavior, field_behavior } from "../../gen/google/api/field_behavior_pb.ts";
import { field as fieldOption, type KindField, type Kind as KindOptions, kind as kindOption } from "../../gen/userd/v1/kind_pb.ts";
import { oncePer } from "../../once-per.ts";

// Each look at an option decodes it anew, and kinds are read at every start.

/** Returns the option `kind` of a message. */
export const kindOptionsOf = oncePer((message: DescMessage): KindOptions => getOption(message, kindOption));

/** Returns the option `field` of a field of a kind. */
export const optionsOf = oncePer((field: DescField): KindField => getOption(field, fieldOption));

/** Returns the rules of a field, which are about its type. */
export const rulesOf = oncePer((field: DescField): FieldRules["type"] => getOption(field, fieldRules).type);

const behaviorsOf = oncePer((field: DescField): readonly FieldBehavior[] => getOption(field, field_behavior));

/** Tells whether the option google.api.field_behavior of a field lists a behavior. */
export const behaves = (field: DescField, behavior: FieldBehavior): boolean => behaviorsOf(field).includes(behavior);
