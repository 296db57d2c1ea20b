import type { MessageInitShape } from "@bufbuild/protobuf";
import { restUntil } from "../cache/certificate.ts";
import { stalenessOf } from "../cache/freshness.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Operation, whenReady } from "../call.ts";
import type { GetOptionRequest, GetOptionResponseSchema, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { isAlive, readScopeFor } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireReadable } from "./key-access.ts";
import { scopeOf } from "./scope.ts";
import { type CachedOptions, optionsOf } from "./user-options.lookup.ts";
import { jsonOf } from "./value.ts";

type Response = MessageInitShape<typeof GetOptionResponseSchema>;

const answer = (
  scope: CachedOptions,
  { key, defaultValue }: GetOptionRequest,
  databaseTime: () => number,
  { foundations }: ReadConsistency,
): Response => {
  if (!scope.userFound) throw userNotFound();
  const cached = optionsOf(scope).get(key);
  if (cached !== undefined && isAlive(cached.expireTime, databaseTime)) {
    if (cached.expireTime !== null) restUntil(foundations, cached.expireTime);
    return cached.response;
  }
  return { found: false, ...(defaultValue && { value: defaultValue }) };
};

const withStaleness = (response: Response, reading: ReadConsistency): Response =>
  reading.maxStaleMs === undefined ? response : { ...response, ...stalenessOf(reading) };

/** GetOption: reads one option that a user has in one scope through the cache. */
export const getOption =
  (app: OptionDependencies): Operation<typeof UserOptionService.method.getOption> =>
  (call, request) => {
    // The default comes back as it is, so it has to be a value that an answer can hold.
    if (request.defaultValue !== undefined) jsonOf(request.defaultValue, "default_value");
    requireReadable(app.registry, call, request.key);
    const reading = app.freshness.reading(request.consistency, request.certify);
    const cached = readScopeFor(app, call, { userId: request.userId, scope: scopeOf(request), name: request.key }, reading);
    return whenReady(cached, (options) => {
      const response = withStaleness(answer(options, request, app.databaseTime, reading), reading);
      return request.certify ? ({ ...response, ...app.freshness.certificateOf(reading) } as Response) : response;
    });
  };
