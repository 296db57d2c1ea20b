import type { Kind } from "../contract/kinds/kind.ts";
import { models } from "../contract/kinds/read.ts";

/** The three kinds whose tables are written by hand: those of organizations, projects and teams. */
export const [organizations, projects, teams] = ["organization", "project", "team"].map((name) =>
  models.find((kind) => kind.name === name),
) as [Kind, Kind, Kind];
