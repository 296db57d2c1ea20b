import { failedPrecondition } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";

/**
 * The reserved user that other systems act as: whoever bears its name, which nobody is given in advance. It can't be
 * deleted, deactivated, suspended, renamed or purged, by any path.
 */
export type SystemUser = {
  readonly canonical: string;
  /** @throws FAILED_PRECONDITION SYSTEM_USER when the username is the system user's. */
  readonly refuse: (username: string) => void;
};

/** The system user of an installation. */
export const createSystemUser = (username: string): SystemUser => {
  const canonical = canonicalName(username);
  return {
    canonical,
    refuse: (name) => {
      if (canonicalName(name) === canonical) throw failedPrecondition("SYSTEM_USER", "The system user can't be changed in this way.");
    },
  };
};
