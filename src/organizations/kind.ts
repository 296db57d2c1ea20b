import { type RawBuilder, sql } from "kysely";
import { type DomainError, failedPrecondition, notFound } from "../errors.ts";

/** The columns that organizations, projects and teams have in common. */
export type NamedRow = {
  readonly id: bigint;
  readonly name: string;
  readonly slug: string;
  readonly status: number;
  readonly create_time: Date;
  readonly delete_time: Date | null;
  readonly purge_time: Date | null;
  readonly version: number;
};

/** A row of an organization, as it is selected. */
export type OrganizationRow = NamedRow & { readonly flags: bigint; readonly open_membership: boolean };

/** A row of a team, as it is selected. */
export type TeamRow = NamedRow & { readonly organization_id: bigint };

/** A row of a project, as it is selected; ids in an array come as text. */
export type ProjectRow = TeamRow & { readonly flags: bigint; readonly team_ids: readonly string[] };

/** A kind of row: organizations, projects or teams. Code that serves all three takes it (stored.ts, list-page.ts). */
export type Kind<R extends NamedRow> = {
  readonly table: "organization" | "project" | "team";
  /** The columns to select, in the alias `r`. They are named, since a prepared `*` fails when a migration adds a column. */
  readonly columns: RawBuilder<R>;
  readonly notFound: () => DomainError;
  readonly deleted: () => DomainError;
};

const named = "r.id, r.name, r.slug, r.status, r.create_time, r.delete_time, r.purge_time, r.version";

/** The kind of organizations. */
export const organizations: Kind<OrganizationRow> = {
  table: "organization",
  columns: sql.raw(`${named}, r.flags, r.open_membership`),
  notFound: () => notFound("ORGANIZATION_NOT_FOUND", "There is no such organization."),
  deleted: () => failedPrecondition("ORGANIZATION_DELETED", "The organization is deleted; it can be undeleted until it is purged."),
};

/** The kind of projects. */
export const projects: Kind<ProjectRow> = {
  table: "project",
  columns: sql.raw(`${named}, r.organization_id, r.flags,
    array(select pt.team_id::text from project_team pt where pt.project_id = r.id order by pt.team_id) as team_ids`),
  notFound: () => notFound("PROJECT_NOT_FOUND", "There is no such project."),
  deleted: () => failedPrecondition("PROJECT_DELETED", "The project is deleted; it can be undeleted until it is purged."),
};

/** The kind of teams. */
export const teams: Kind<TeamRow> = {
  table: "team",
  columns: sql.raw(`${named}, r.organization_id`),
  notFound: () => notFound("TEAM_NOT_FOUND", "There is no such team."),
  deleted: () => failedPrecondition("TEAM_DELETED", "The team is deleted; it can be undeleted until it is purged."),
};
