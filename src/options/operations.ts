import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { batchGetOptions } from "./batch-get-options.ts";
import { deleteOption } from "./delete-option.ts";
import { getOption } from "./get-option.ts";
import { listOptions } from "./list-options.ts";
import { setOption } from "./set-option.ts";

/** Every RPC of UserOptionService, one file each. */
export const optionOperations = (app: Dependencies): Operations<typeof UserOptionService> => ({
  getOption: getOption(app),
  listOptions: listOptions(app),
  batchGetOptions: batchGetOptions(app),
  setOption: setOption(app),
  deleteOption: deleteOption(app),
});
