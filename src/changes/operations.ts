import type { Operations } from "../call.ts";
import type { ChangeService } from "../gen/users/v1/change_service_pb.ts";
import { notYet } from "../users/not-yet.ts";

/** Every RPC of ChangeService, one file each. */
export const changeOperations = (): Operations<typeof ChangeService> => ({
  listAuditEntries: notYet,
});
