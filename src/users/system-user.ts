import { failedPrecondition } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";

/** The reserved user that other systems act as, found by its username. Nothing may delete, deactivate, suspend, rename or purge it. */
export type SystemUser = {
  readonly canonical: string;
  /** @throws FAILED_PRECONDITION SYSTEM_USER when the username is the system user's. */
  readonly refuse: (username: string) => void;
};

/** Makes the `SystemUser` for a reserved username, whether or not any user has that name. */
export const createSystemUser = (username: string): SystemUser => {
  const canonical = canonicalName(username);
  return {
    canonical,
    refuse: (name) => {
      if (canonicalName(name) === canonical) throw failedPrecondition("SYSTEM_USER", "The system user can't be changed in this way.");
    },
  };
};
