import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { applyOptionChanges } from "./apply-option-changes.ts";
import { batchGetOptions } from "./batch-get-options.ts";
import { batchSetOptions } from "./batch-set-options.ts";
import { deleteOption } from "./delete-option.ts";
import { deleteScopeOption } from "./delete-scope-option.ts";
import { findUsersByOption } from "./find-users-by-option.ts";
import { getOption } from "./get-option.ts";
import { getOptionDefinition } from "./get-option-definition.ts";
import { getScopeOption } from "./get-scope-option.ts";
import { listInvalidOptions } from "./list-invalid-options.ts";
import { listOptionDefinitions } from "./list-option-definitions.ts";
import { listOptionRevisions } from "./list-option-revisions.ts";
import { listOptions } from "./list-options.ts";
import { listScopeOptions } from "./list-scope-options.ts";
import { resolveOptions } from "./resolve-options.ts";
import { restoreOption } from "./restore-option.ts";
import { setOption } from "./set-option.ts";
import { setScopeOption } from "./set-scope-option.ts";

/** Every RPC of UserOptionService, one file each. */
export const optionOperations = (app: Dependencies): Operations<typeof UserOptionService> => ({
  getOption: getOption(app),
  listOptions: listOptions(app),
  batchGetOptions: batchGetOptions(app),
  setOption: setOption(app),
  deleteOption: deleteOption(app),
  applyOptionChanges: applyOptionChanges(app),
  batchSetOptions: batchSetOptions(app),
  resolveOptions: resolveOptions(app),
  findUsersByOption: findUsersByOption(app),
  listOptionRevisions: listOptionRevisions(app),
  restoreOption: restoreOption(app),
  listOptionDefinitions: listOptionDefinitions(app),
  getOptionDefinition: getOptionDefinition(app),
  listInvalidOptions: listInvalidOptions(app),
  setScopeOption: setScopeOption(app),
  getScopeOption: getScopeOption(app),
  listScopeOptions: listScopeOptions(app),
  deleteScopeOption: deleteScopeOption(app),
});
