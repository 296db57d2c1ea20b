import type { Operations } from "../call.ts";
import type { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { applyOptionChanges } from "../options/apply-option-changes.ts";
import { batchGetOptions } from "../options/batch-get-options.ts";
import { batchSetOptions } from "../options/batch-set-options.ts";
import { deleteOption } from "../options/delete-option.ts";
import { findUsersByOption } from "../options/find-users-by-option.ts";
import { getOption } from "../options/get-option.ts";
import { listOptions } from "../options/list-options.ts";
import { getOptionDefinition, listInvalidOptions, listOptionDefinitions } from "../options/option-definitions.ts";
import { listOptionRevisions, restoreOption } from "../options/option-revisions.ts";
import { resolveOptions } from "../options/resolve-options.ts";
import { deleteScopeOption, getScopeOption, listScopeOptions, setScopeOption } from "../options/scope-options.ts";
import { setOption } from "../options/set-option.ts";
import type { AllDependencies } from "./dependencies.ts";

/** Makes the operations of UserOptionService, one for each RPC. */
export const optionOperations = (app: AllDependencies): Operations<typeof UserOptionService> => ({
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
