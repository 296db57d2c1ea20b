import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FieldWarningSchema } from "../gen/userd/v1/user_profile_pb.ts";

/** Letters and digits, with a small letter first. */
const CAMEL_CASE = /^[a-z][a-zA-Z0-9]*$/;

/**
 * Returns the warnings for the name of a profile: one if the name is not in camelCase. It is no error, since imported profiles have other names,
 * and the model that they come from checks names in forms only.
 * @param prefix the path of the profile in the request.
 */
export const nameWarnings = (name: string | undefined, prefix: string): MessageInitShape<typeof FieldWarningSchema>[] =>
  name === undefined || name === "" || CAMEL_CASE.test(name)
    ? []
    : [{ field: `${prefix}name`, description: 'should be in camelCase, such as "apiKey", without other characters' }];
