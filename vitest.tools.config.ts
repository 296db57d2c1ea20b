import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { shared, tools } from "./vitest.config.ts";

/** The files that take more than a minute of CI: one that began last would leave the other cores idle. */
const longest = [
  "packaging/image",
  "kinds/every-client",
  "kinds/mounted/apply",
  "kinds/served",
  "options/contention",
  "foreign/java",
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

export default defineConfig({ test: { ...shared, include: [...tools], sequence: { sequencer: LongestFirst } } });
