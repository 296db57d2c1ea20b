import type { Row } from "../bench.ts";
import { afterRest } from "./after-rest.ts";
import { batchCheckAccess1000 } from "./batch-check-access-1000.ts";
import { batchGetOptions, batchValues } from "./batch-get-options.ts";
import { batchGetOptions1000 } from "./batch-get-options-1000.ts";
import { applyOptionChanges } from "./change-sets.ts";
import { checkAccess } from "./check-access.ts";
import { checkAccessResource, checkAccessResourceKey } from "./check-access-resource.ts";
import { coalescing, coalescingGo } from "./coalescing.ts";
import { createProfile, createUser, setMemberRole, updateUser } from "./entity-writes.ts";
import { feedDelivery, feedThroughput, setOptionFeed, setOptionWatched, setOptionWatchedByAll } from "./feed.ts";
import { findUsersByOption } from "./find-users-by-option.ts";
import { getOption, getOptionHttp2 } from "./get-option.ts";
import { getOptionTls } from "./get-option-tls.ts";
import { getOptionTransport } from "./get-option-transport.ts";
import { getOptionWaits } from "./get-option-waits.ts";
import { getProfile } from "./get-profile.ts";
import { getUser } from "./get-user.ts";
import { kindAppend } from "./kind-append.ts";
import { kinds } from "./kinds.ts";
import { listResources, listResources1000 } from "./list-resources.ts";
import { listUsers } from "./list-users.ts";
import { lookupUsers } from "./lookup-users.ts";
import { memory } from "./memory.ts";
import { nearCache, nearCacheCall } from "./near-cache.ts";
import { nearCacheGo } from "./near-cache-go.ts";
import { consistentOption } from "./option-misses.ts";
import { peers } from "./peers.ts";
import { redisFaults } from "./redis-faults.ts";
import { refusedCall, refusedHttpCall } from "./refused-call.ts";
import { resolveOptions, resolveOptionsCold } from "./resolve-options.ts";
import { setOption, setOptionByHand } from "./set-option.ts";
import { workers } from "./workers.ts";
import { writeTriggers } from "./write-triggers.ts";

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  getOption,
  getOptionHttp2,
  getOptionTls,
  getOptionWaits,
  consistentOption,
  getOptionTransport,
  setOption,
  setOptionByHand,
  applyOptionChanges,
  writeTriggers,
  setOptionFeed,
  setOptionWatched,
  setOptionWatchedByAll,
  createUser,
  updateUser,
  createProfile,
  setMemberRole,
  batchGetOptions,
  batchValues,
  batchGetOptions1000,
  resolveOptions,
  resolveOptionsCold,
  findUsersByOption,
  getUser,
  getProfile,
  lookupUsers,
  listUsers,
  checkAccess,
  checkAccessResource,
  checkAccessResourceKey,
  batchCheckAccess1000,
  listResources,
  listResources1000,
  ...kinds,
  refusedCall,
  refusedHttpCall,
  kindAppend,
  nearCache,
  nearCacheCall,
  nearCacheGo,
  coalescing,
  coalescingGo,
  ...peers,
  ...redisFaults,
  workers,
  feedDelivery,
  feedThroughput,
  afterRest,
  memory,
];
