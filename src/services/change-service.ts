import type { Operations } from "../call.ts";
import { listAuditEntries } from "../changes/audit-entries.ts";
import { getFeedPosition, watchChanges } from "../changes/watch-changes.ts";
import type { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import type { AllDependencies } from "./dependencies.ts";

/** Makes the operations of ChangeService, one for each RPC. */
export const changeOperations = (app: AllDependencies): Operations<typeof ChangeService> => ({
  listAuditEntries: listAuditEntries(app),
  watchChanges: watchChanges(app),
  getFeedPosition: getFeedPosition(app),
});
