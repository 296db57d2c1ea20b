import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { eitherIfAny, reference } from "./organization-staging.ts";

/** The staging table of Sentry's actors, each of which stands for a user or a team that owns records. Actors are not stored. */
export const actors = {
  name: "import_actor",
  columns: { user_id_pk: "bigint", team_id_pk: "bigint" },
} as const satisfies StagingTable;

/** The import reader of `sentry.actor` records, which each stand for a user or a team. */
export const sentryActor = defineReader({
  model: "sentry.actor",
  becomes: "the user or team that it stands for, as the owner of what names it; not held by itself",
  into: actors,
  fields: { user: reference, user_id: reference, team: reference, team_id: reference },
  notHeld: { type: "it repeats which of user and team is there" },
  row: ({ user, user_id, team, team_id }) => ({
    user_id_pk: eitherIfAny(user_id, user, "user"),
    team_id_pk: eitherIfAny(team_id, team, "team"),
  }),
});
