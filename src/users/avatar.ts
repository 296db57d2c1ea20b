import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { SetAvatarRequestSchema } from "../gen/userd/v1/user_lifecycle_pb.ts";

const validator = createValidator();

/** Whether SetAvatar takes a picture's URL: an absolute one of http or https, by the rule of the proto. */
export const isPictureUrl = (url: string): boolean =>
  /^https?:\/\//i.test(url) &&
  validator.validate(SetAvatarRequestSchema, create(SetAvatarRequestSchema, { userId: 1n, url })).kind === "valid";
