import type { Kind } from "../contract/kinds/kind.ts";
import { models } from "../contract/kinds/read.ts";

/** The kinds of organizations, of projects and of teams: the three kinds whose tables are written by hand. */
export const [organizations, projects, teams] = ["organization", "project", "team"].map((name) =>
  models.find((kind) => kind.name === name),
) as [Kind, Kind, Kind];
