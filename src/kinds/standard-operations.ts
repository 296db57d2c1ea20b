import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { Operations } from "../call.ts";
import { type StandardVerb, standardMethods } from "../contract/kinds/methods.ts";
import { served } from "../schema/entities.ts";
import { batchGetResources } from "./batch-get.ts";
import { createResource } from "./create.ts";
import { deleteResource, purgeResource, undeleteResource } from "./delete.ts";
import { getResource } from "./get.ts";
import { listResources } from "./list.ts";
import type { KindDependencies, StandardMethod } from "./standard-method.ts";
import { updateResource } from "./update.ts";

const verbs: Readonly<Record<StandardVerb, StandardMethod>> = {
  Create: createResource,
  Get: getResource,
  BatchGet: batchGetResources,
  Update: updateResource,
  Delete: deleteResource,
  Undelete: undeleteResource,
  Purge: purgeResource,
  List: listResources,
};

/**
 * The operations of a service's standard RPCs, bound by name: "CreateX" is that of the kind X. A service whose file has kinds has
 * no others; one that is written by hand spreads them among its own.
 * @param others the RPCs that do more than what is standard.
 */
export const standardOperations = <S extends DescService>(
  app: KindDependencies,
  service: S,
  others: Readonly<Record<string, StandardMethod>> = {},
): Operations<S> => {
  const known = new Map(
    served.flatMap((kind) => standardMethods(kind).map(([verb, name]) => [name, { make: others[name] ?? verbs[verb], kind }] as const)),
  );
  const operations = service.methods.flatMap((method) => {
    const standard = known.get(method.name);
    return standard === undefined ? [] : [[method.localName, standard.make(app, standard.kind, method as DescMethodUnary)]];
  });
  return Object.fromEntries(operations) as Operations<S>;
};
