import type { AllDependencies } from "../../src/services/dependencies.ts";
import { createRoutes } from "../../src/services/routes.ts";

/** Every RPC that is served; the operations are made of nothing here, and never called. */
export const methods = createRoutes({} as AllDependencies).flatMap(({ service }) => service.methods);
