import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { Operations } from "../call.ts";
import { type StandardVerb, standardMethods } from "../contract/kinds/methods.ts";
import { appendResources } from "./append.ts";
import { batchGetResources } from "./batch-get.ts";
import { createResource } from "./create.ts";
import { deleteResource, purgeResource, undeleteResource } from "./delete.ts";
import { getResource } from "./get.ts";
import { listResources } from "./list.ts";
import { revealResource } from "./reveal.ts";
import type { KindDependencies, StandardMethod } from "./standard-method.ts";
import { transferResource } from "./transfer.ts";
import { updateResource } from "./update.ts";
import { verifyToken } from "./verify.ts";

const verbs: Readonly<Record<StandardVerb, StandardMethod>> = {
  Create: createResource,
  Append: appendResources,
  Get: getResource,
  BatchGet: batchGetResources,
  Update: updateResource,
  Delete: deleteResource,
  Undelete: undeleteResource,
  Purge: purgeResource,
  List: listResources,
  Transfer: transferResource,
  Reveal: revealResource,
  Verify: verifyToken,
};

/**
 * Makes the operations of a service's standard RPCs, such as "CreateX", which creates a resource of the kind X. A service written by hand can
 * have other operations besides.
 * @param others the functions that make operations in place of the standard ones, keyed by the name of the RPC.
 */
export const standardOperations = <S extends DescService>(
  app: KindDependencies,
  service: S,
  others: Readonly<Record<string, StandardMethod>> = {},
): Operations<S> => {
  const ofService = app.db.kinds.served.filter((kind) => kind.service === service.name);
  const known = new Map(
    ofService.flatMap((kind) => standardMethods(kind).map(([verb, name]) => [name, { make: others[name] ?? verbs[verb], kind }] as const)),
  );
  const operations = service.methods.flatMap((method) => {
    const standard = known.get(method.name);
    return standard === undefined ? [] : [[method.localName, standard.make(app, standard.kind, method as DescMethodUnary)]];
  });
  return Object.fromEntries(operations) as Operations<S>;
};
