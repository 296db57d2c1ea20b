import { builtin } from "../../src/schema/kind-set.ts";
import type { AllDependencies } from "../../src/services/dependencies.ts";
import { createRoutes } from "../../src/services/routes.ts";

/** Every RPC that is served; the operations are made of nothing here, and never called. */
export const methods = createRoutes({ db: { kinds: builtin } } as AllDependencies).flatMap(({ service }) => service.methods);
