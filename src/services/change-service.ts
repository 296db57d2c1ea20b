import type { Operations } from "../call.ts";
import { listAuditEntries } from "../changes/list-audit-entries.ts";
import type { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import type { AllDependencies } from "./dependencies.ts";

/** The operations of ChangeService, one file each. */
export const changeOperations = (app: AllDependencies): Operations<typeof ChangeService> => ({
  listAuditEntries: listAuditEntries(app),
});
