import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { AvatarType } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { changeUser } from "./change-user.ts";
import { storedAvatarType } from "./user.mapping.ts";

const method = UserService.method.setAvatar;

/** SetAvatar: keeps where the picture is, and never fetches it. */
export const setAvatar =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { userId, type, url } = request;
    if (type === AvatarType.UPLOAD && url === "") throw invalidField("url", "is required for an uploaded picture");
    if (type !== AvatarType.UPLOAD && url !== "") throw invalidField("url", "must be empty unless the picture is uploaded");
    if (url !== "" && !/^https?:\/\//i.test(url)) throw invalidField("url", "must begin with http:// or https://");
    return write(call, { method, request, aggregates: [userAggregate(userId)] }, async (tx) => ({
      user: await changeUser(tx, userId, (row) => {
        row.avatarType = storedAvatarType(type);
        row.avatarUrl = url === "" ? null : url;
      }),
    }));
  };
