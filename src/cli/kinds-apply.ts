import { applyKinds, type Plan } from "../kinds/mounted/apply.ts";
import { withMounted } from "./mounted.ts";

/** Prints the changes of a plan and their statements, or a sentence when there are none. */
export const printPlan = ({ changes, statements, indexes }: Plan, none: string): void => {
  const lines = [...changes.map((change) => `-- ${change}`), ...[...statements, ...indexes].map((statement) => `${statement};`)];
  process.stdout.write(`${lines.length === 0 ? none : lines.join("\n")}\n`);
};

/** Makes the tables of the mounted kinds what their messages say, and prints what it changed. */
export const run = async (): Promise<void> => {
  printPlan(await withMounted(applyKinds), "The kinds are applied already.");
};
