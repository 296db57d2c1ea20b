import { organizations } from "../readers/organization-staging.ts";
import { projects } from "../readers/sentry-project.ts";
import { teams } from "../readers/sentry-team.ts";
import { users } from "../readers/user-staging.ts";
import type { StoredStaging } from "./target.ts";

/** The description of users, organizations, projects or teams, for the import steps that give ids and unique names. */
export type Kind = {
  readonly noun: "user" | "organization" | "project" | "team";
  readonly staging: StoredStaging;
  /** The column in which names are compared. `renamed` are all columns that change when a name gets a suffix. */
  readonly name: string;
  readonly renamed: readonly string[];
  readonly maxLength: number;
  /** True when its names are unique within an organization only. */
  readonly isWithin: boolean;
};

const slugged = { name: "slug", renamed: ["slug"], maxLength: 50 } as const;

/** The descriptions of users, organizations, projects and teams, in this order, since projects and teams refer to organizations. */
export const kinds: readonly Kind[] = [
  {
    noun: "user",
    staging: users,
    name: "username_canonical",
    renamed: ["username", "username_canonical"],
    maxLength: 128,
    isWithin: false,
  },
  { noun: "organization", staging: organizations, ...slugged, isWithin: false },
  { noun: "project", staging: projects, ...slugged, isWithin: true },
  { noun: "team", staging: teams, ...slugged, isWithin: true },
];
