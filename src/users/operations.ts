import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { createUser } from "./create-user.ts";
import { getUser } from "./get-user.ts";
import { lookupUsers } from "./lookup-users.ts";
import { updateUser } from "./update-user.ts";

/** Every RPC of UserService, one file each. */
export const userOperations = (app: Dependencies): Operations<typeof UserService> => ({
  createUser: createUser(app),
  getUser: getUser(app),
  updateUser: updateUser(app),
  lookupUsers: lookupUsers(app),
});
