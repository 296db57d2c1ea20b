import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { listAuditEntries } from "./list-audit-entries.ts";

/** Every RPC of ChangeService, one file each. */
export const changeOperations = (app: Dependencies): Operations<typeof ChangeService> => ({
  listAuditEntries: listAuditEntries(app),
});
