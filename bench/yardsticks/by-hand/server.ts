// userd with RPCs of ReleaseService written by hand beside those of the engine: only the operations differ.
import type { DescService } from "@bufbuild/protobuf";
import { loadConfig } from "../../../src/config.ts";
import { ReleaseService } from "../../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { main } from "../../../src/main.ts";
import { createRelease, getRelease, listReleases } from "./operations.ts";

const { getRelease: get, listReleases: list, createRelease: create } = ReleaseService.method;

/** The same methods under another name of a service. */
const service: DescService = { ...ReleaseService, typeName: "bench.ReleasesByHand", methods: [get, list, create] };

const options = {
  migrate: true,
  furtherRoutes: (app: Parameters<typeof getRelease>[0]) => [
    { service, operations: { getRelease: getRelease(app), listReleases: listReleases(app), createRelease: createRelease(app) } as never },
  ],
};

await main(loadConfig({ WORKERS: "1" }), options);
