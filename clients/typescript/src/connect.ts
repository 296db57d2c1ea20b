import type { Client } from "@connectrpc/connect";
import { type Connection, type ConnectionOptions, openConnection } from "../../../src/client/connection.ts";
import { ChangeService } from "../../../src/gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "../../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../../src/gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../../src/gen/userd/v1/user_service_pb.ts";

/** The clients of the services of userd, over one connection. */
export type Userd = Connection & {
  /** Users, their addresses, credentials, permissions and identities. */
  readonly users: Client<typeof UserService>;
  /** Options of users and of scopes. */
  readonly options: Client<typeof UserOptionService>;
  /** Organizations, projects, teams and members. */
  readonly organizations: Client<typeof OrganizationService>;
  /** Accounts, profiles, resources and access. */
  readonly profiles: Client<typeof ProfileService>;
  /** The change feed and the audit trail. */
  readonly changes: Client<typeof ChangeService>;
};

/** Opens a client of userd. The connection is made by the first call, and made again whenever it is lost. */
export const connectUserd = (options: ConnectionOptions): Userd => {
  const connection = openConnection(options);
  return {
    ...connection,
    users: connection.client(UserService),
    options: connection.client(UserOptionService),
    organizations: connection.client(OrganizationService),
    profiles: connection.client(ProfileService),
    changes: connection.client(ChangeService),
  };
};
