import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes minutes or other languages' tools: `npm run test:tools`, which CI runs beside `npm test`. */
export const tools = [
  "test/access/worlds.test.ts",
  "test/acting/whole-matrix.test.ts",
  "test/cache/{equal-answers,redis-faults,redis-tls}.test.ts",
  "test/changes/{every-bump,many-watchers,sequencer-pglite,stall}.test.ts",
  "test/clients/tools/**/*.test.ts",
  "test/cli/{client,names,options,users,watch}.test.ts",
  "test/codegen/{go,python}.test.ts",
  "test/conformance/**/*.test.ts",
  "test/db/{bulkheads,cancel-tls,database-states,logged-statements}.test.ts",
  "test/examples/**/*.test.ts",
  "test/foreign/**/*.test.ts",
  // All of the import but a look at the samples, the readers of values, and what breaks a file: each test imports several.
  "test/import/!(broken-files|doc|fields|option-value|samples).test.ts",
  "test/import/accounting/*.test.ts",
  "test/kinds/{every-client/*,served}.test.ts",
  "test/kinds/mounted/apply.test.ts",
  "test/lifecycle/{drain,erasure-commands,export,kill,log-reader,workers}.test.ts",
  "test/lifecycle/merge/{cells,large}.test.ts",
  "test/options/contention.test.ts",
  "test/options/zones.test.ts",
  "test/packaging/{exit-code,image,start}.test.ts",
  "test/pglite/**/*.test.ts",
  "test/startup/{data-folder,database,settings}.test.ts",
  "test/users/walk.test.ts",
];

/** The files that take longest: one that began last would leave the other cores idle. */
const longest = [
  "kinds/standard",
  "kinds/owned-standard",
  "kinds/mounted/standard",
  "kinds/mounted/served",
  "readme/sections",
  "acting/matrix",
  "server/interceptors",
  "pglite/contract",
  "acting/whole-matrix",
  "packaging/image",
  "kinds/every-client/connect-grpc",
  "kinds/every-client/connect-json",
  "kinds/every-client/grpc-web",
  "kinds/every-client/life",
  "kinds/mounted/apply",
  "kinds/served",
  "options/contention",
  "foreign/java",
  "clients/tools/go-module",
  "access/worlds",
  "examples/examples",
  "import/command",
  "import/endings",
  "import/memory",
  "startup/data-folder",
  "users/walk",
  "cache/equal-answers",
  "import/atomicity",
  "import/accounting/files",
  "lifecycle/kill",
  "import/new-ids",
];

/** Starts the longest files first; vitest knows none but by an earlier run, which CI has not, and takes them by size. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // What is in no place comes last: -1 is the largest unsigned number.
    const placeOf = ({ moduleId }: TestSpecification) => longest.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`)) >>> 0;
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}

/** What both runs have in common. */
export const shared = {
  // The provider, and programs of tests, import the client as its users do.
  alias: {
    "@userd/client": fileURLToPath(new URL("clients/typescript/src/index.ts", import.meta.url)),
    "@userd/openfeature-provider": fileURLToPath(new URL("clients/openfeature/typescript/src/index.ts", import.meta.url)),
  },
  globalSetup: ["test/support/global-setup.ts"],
  // Fails each test in which a service answers with a reason that its RPC does not declare.
  setupFiles: ["test/support/hold-reasons.ts"],
  // Each file has a database of its own: files run side by side, and so do the tests of a file that say so.
  pool: "threads" as const,
  maxWorkers: 3,
  // The files of a thread share the service's modules, which keep no state that one test could see of another: loading
  // them anew for each of 130 files took as long as the tests.
  isolate: false,
  sequence: { sequencer: LongestFirst },
  // Against tests that never end; a slow machine is no failure.
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    ...shared,
    globalSetup: [...shared.globalSetup, "test/support/every-reason.ts"],
    include: ["test/**/*.test.ts"],
    exclude: tools,
  },
});
