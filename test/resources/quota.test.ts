import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import type { Status } from "../../src/gen/google/rpc/status_pb.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { type ServiceWith, serviceWith } from "../options/service-with.ts";
import { createAccount, createProfile, createUser } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";

const test = base.extend("limited", { scope: "file" }, async ({ databaseUrl, service }, { onCleanup }): Promise<ServiceWith> => {
  expect(service).toBeDefined();
  const limited = await serviceWith(databaseUrl, { QUOTA_RESOURCES_PER_PROFILE: "3" });
  onCleanup(() => limited[Symbol.asyncDispose]());
  return limited;
});

type Outcome = { readonly result: { readonly case?: string | undefined; readonly value?: unknown } };

const outcomeOf = ({ result }: Outcome): string => {
  if (result.case !== "error") return result.case ?? "nothing";
  const info = (result.value as Status).details.find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"));
  const { reason, metadata } = fromBinary(ErrorInfoSchema, info?.value ?? new Uint8Array());
  return `${reason} ${metadata["used"]} of ${metadata["limit"]}`;
};

const twoProfiles = async (clients: ServiceWith): Promise<[bigint, bigint]> => {
  const { id: accountId } = await createAccount(clients);
  const [a, b] = [await createUser(clients), await createUser(clients)];
  return [(await createProfile(clients, a.id, accountId)).id, (await createProfile(clients, b.id, accountId)).id];
};
const named = (ownerProfileId: bigint, ...names: string[]) => names.map((name) => ({ kind: "k", ownerProfileId, name }));
const register = async ({ profiles }: ServiceWith, ownerProfileId: bigint, ...names: string[]) =>
  (await profiles.registerResources({ resources: named(ownerProfileId, ...names) })).results.map(outcomeOf);

describe("the quota of the resources of a profile", () => {
  test("what is new beyond it is refused, what is there already is not", async ({ limited }) => {
    const [a] = await twoProfiles(limited);
    expect(await register(limited, a, "1", "2")).toEqual(["resource", "resource"]);
    expect(await register(limited, a, "1", "3", "4", "2")).toEqual(["resource", "resource", "QUOTA_EXCEEDED 3 of 3", "resource"]);
    const key = { case: "key" as const, value: { kind: "k", ownerProfileId: a, name: "1" } };
    await limited.profiles.unregisterResources({ resources: [{ ref: key }] });
    expect(await register(limited, a, "4", "5")).toEqual(["resource", "QUOTA_EXCEEDED 3 of 3"]);
  });

  test("transfers count for who receives them", async ({ limited }) => {
    const [a, b] = await twoProfiles(limited);
    await register(limited, a, "1", "2", "3");
    await register(limited, b, "4", "5");
    const transfers = named(a, "1", "2").map((value) => ({ resource: { ref: { case: "key" as const, value } }, toProfileId: b }));
    const { results } = await limited.profiles.transferResources({ transfers });
    expect(results.map(outcomeOf)).toEqual(["resource", "QUOTA_EXCEEDED 3 of 3"]);
  });

  test("a profile is not deleted into one that has no room", async ({ limited }) => {
    const [a, b] = await twoProfiles(limited);
    await register(limited, a, "1", "2");
    await register(limited, b, "3", "4");
    const request = { id: a, mode: DeleteProfileMode.TRANSFER, transferToProfileId: b };
    const { info } = await expectRefusal(limited.profiles.deleteProfile(request), "ResourceExhausted", "QUOTA_EXCEEDED");
    expect(info?.metadata).toEqual({ quota: "QUOTA_RESOURCES_PER_PROFILE", limit: "3", used: "2" });
    const key = { case: "key" as const, value: { kind: "k", ownerProfileId: b, name: "3" } };
    await limited.profiles.unregisterResources({ resources: [{ ref: key }] });
    await limited.profiles.deleteProfile(request);
  });

  test("concurrent registrations never get past it together", async ({ limited }) => {
    const [a] = await twoProfiles(limited);
    const outcomes = await Promise.all(["1", "2", "3", "4", "5", "6"].map((name) => register(limited, a, name)));
    expect(outcomes.flat().filter((outcome) => outcome === "resource")).toHaveLength(3);
  });
});
