import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { Operations } from "../call.ts";
import { type StandardVerb, standardMethods } from "../contract/kinds/methods.ts";
import { kinds } from "../schema/entities.ts";
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
 */
export const standardOperations = <S extends DescService>(app: KindDependencies, service: S): Operations<S> => {
  const served = new Map(
    kinds.flatMap((kind) => standardMethods(kind).map(([verb, name]) => [name, { make: verbs[verb], kind }] as const)),
  );
  const operations = service.methods.flatMap((method) => {
    const standard = served.get(method.name);
    return standard === undefined ? [] : [[method.localName, standard.make(app, standard.kind, method as DescMethodUnary)]];
  });
  return Object.fromEntries(operations) as Operations<S>;
};
