import { planKinds } from "../kinds/mounted/apply.ts";
import { printPlan } from "./kinds-apply.ts";
import { withMounted } from "./mounted.ts";

/** Prints what `userd kinds apply` would change. */
export const run = async (): Promise<void> => {
  printPlan(await withMounted(planKinds), "Apply changes nothing.");
};
