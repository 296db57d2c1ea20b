import { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { hooks } from "../kinds/hooks/event.ts";
import { standardOperations } from "../kinds/standard-operations.ts";
import { type Route, route } from "../server/route.ts";
import { changeOperations } from "./change-service.ts";
import type { AllDependencies } from "./dependencies.ts";
import { organizationOperations } from "./organization-service.ts";
import { profileOperations } from "./profile-service.ts";
import { optionOperations } from "./user-option-service.ts";
import { userOperations } from "./user-service.ts";

/** Makes the routes of all services of the API. */
export const createRoutes = (dependencies: AllDependencies): readonly Route[] => [
  route(UserService, userOperations(dependencies)),
  route(UserOptionService, optionOperations(dependencies)),
  route(OrganizationService, organizationOperations(dependencies)),
  route(ProfileService, profileOperations(dependencies)),
  route(ChangeService, changeOperations(dependencies)),
  ...dependencies.db.kinds.services.map((service) => route(service, standardOperations(dependencies, service, hooks[service.typeName]))),
];
