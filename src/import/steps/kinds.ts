import { organizations } from "../readers/organization-staging.ts";
import { projects } from "../readers/sentry-project.ts";
import { teams } from "../readers/sentry-team.ts";
import { users } from "../readers/user-staging.ts";
import type { StoredStaging } from "./target.ts";

/** A kind of record that other records refer to by its id, and whose name is unique. */
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

/** The kinds of records with ids and unique names, in an order in which each refers only to earlier ones. */
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
