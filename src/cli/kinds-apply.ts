import { applyKinds, type Plan } from "../kinds/mounted/apply.ts";
import { print } from "../print.ts";
import { withMounted } from "./mounted.ts";

/** Prints the changes and the SQL statements of a plan; for an empty plan, prints the sentence in the parameter `none`. */
export const printPlan = ({ changes, statements, indexes }: Plan, none: string): void => {
  const lines = [...changes.map((change) => `-- ${change}`), ...[...statements, ...indexes].map((statement) => `${statement};`)];
  print(`${lines.length === 0 ? none : lines.join("\n")}\n`);
};

/** Changes the tables of the mounted kinds to fit the kinds' messages, and prints the changes. */
export const run = async (): Promise<void> => {
  printPlan(await withMounted(applyKinds), "The kinds are applied already.");
};
