import { failedPrecondition } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";

/**
 * The reserved user that other systems act as: the user who has the reserved username, if there is one. It can't be deleted,
 * deactivated, suspended, renamed or purged, by any path.
 */
export type SystemUser = {
  readonly canonical: string;
  /** @throws FAILED_PRECONDITION SYSTEM_USER when the username is the system user's. */
  readonly refuse: (username: string) => void;
};

/** Makes the system user of an installation from the reserved username. */
export const createSystemUser = (username: string): SystemUser => {
  const canonical = canonicalName(username);
  return {
    canonical,
    refuse: (name) => {
      if (canonicalName(name) === canonical) throw failedPrecondition("SYSTEM_USER", "The system user can't be changed in this way.");
    },
  };
};
