import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { globalAggregate } from "../versions/aggregate.ts";
import { deleteProvider } from "./provider.ts";

const method = UserService.method.deleteIdentityProvider;

/** DeleteIdentityProvider: the provider, and with force what it calls users. Its config is a secret, and no answer to keep. */
export const deleteIdentityProvider =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { requestId, validateOnly } = request;
    return write(call, { method, request, aggregates: [globalAggregate], requestId, validateOnly }, async (tx) => ({
      removedIdentities: await deleteProvider(tx, "identity_provider", request),
    }));
  };
