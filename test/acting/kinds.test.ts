import { describe, expect } from "vitest";
import { standardMethods } from "../../src/contract/kinds/methods.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { permissions } from "../../src/permissions.ts";
import { kinds } from "../../src/schema/entities.ts";
import { callerOf, makerOf } from "../kinds/maker.ts";
import { type ServiceWith, serviceWith } from "../options/service-with.ts";
import { statementsOf } from "../options/statements.ts";
import { bearing, sha256, writeCallersFile } from "../server/callers/callers-file.ts";
import { actingAs, createOrganization, createUser } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";

const MISSING = 9_000_000_000_000n;

/** `bound` is a service whose one caller is bound to its acting user. */
const test = base.extend("bound", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<ServiceWith> => {
  const callers = [{ name: "web", token_sha256: sha256("web"), permissions, acts_as: "self" }];
  const own = await serviceWith(databaseUrl, { TOKEN_FILE: writeCallersFile({ callers }) });
  onCleanup(() => own[Symbol.asyncDispose]());
  return own;
});

describe.for(kinds)("$name", { concurrent: true }, (kind) => {
  test("every RPC refuses who is not there, and callers bound to a user who name none", async ({ clients, bound: own }) => {
    const client = clients["grpc-js"];
    const maker = await makerOf(client, kind);
    const bound = callerOf(own, kind).call;
    const valid = await maker.valid();
    for (const [verb] of standardMethods(kind)) {
      const requests: Readonly<Record<string, object>> = {
        Create: { [maker.field]: valid },
        Append: { [maker.several]: [valid] },
        Get: { key: { case: "id", value: MISSING } },
        BatchGet: { ids: [MISSING] },
        Update: { [maker.field]: { id: MISSING } },
        List: { [kind.listedBy.localName]: maker.parentId },
        Transfer: { id: MISSING, toProfileId: MISSING },
        Verify: { token: "x" },
      };
      const request = requests[verb] ?? { id: MISSING };
      await expectRefusal(maker.call(verb, request, actingAs(MISSING)), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
      await expectRefusal(bound(verb, request, bearing("web")), "PermissionDenied", "ACTING_USER_REQUIRED");
      if (verb !== "Verify") continue;
      const { id } = await createUser(client);
      await expectRefusal(maker.call(verb, request, actingAs(id)), "PermissionDenied", "PERMISSION_REQUIRED");
    }
  });
});

test("a refused write to a resource takes the same statements whether it is there or not, and locks nothing", async ({ clients }) => {
  const client = clients["grpc-js"];
  const actor = actingAs((await createUser(client)).id);
  for (const name of ["release", "secret", "integration", "deploy"]) {
    const kind = kinds.find((one) => one.name === name);
    if (kind === undefined) throw new Error(`there is no kind ${name}`);
    const maker = await makerOf(client, kind);
    const { id } = await maker.create();
    const verbs = standardMethods(kind).flatMap(([verb]) =>
      ["Update", "Delete", "Undelete", "Purge", "Reveal", "Get"].includes(verb) ? [verb] : [],
    );
    for (const verb of verbs) {
      const requestFor = (value: bigint) =>
        verb === "Get" ? { key: { case: "id", value } } : verb === "Update" ? { [maker.field]: { id: value } } : { id: value };
      const refused = (value: bigint) =>
        statementsOf(async () => void (await expectRefusal(maker.call(verb, requestFor(value), actor), "NotFound", "RESOURCE_NOT_FOUND")));
      await refused(MISSING);
      // The cache looks at the acting user when its time has come.
      const ofCall = async (value: bigint) => (await refused(value)).filter((statement) => !statement.includes("snapshot.epoch"));
      const [there, not] = [await ofCall(id), await ofCall(MISSING)];
      expect([name, verb, ...there]).toEqual([name, verb, ...not]);
      expect(there.join("\n")).not.toMatch(/for (no key )?update|into aggregate_version/);
    }
  }
});

test("an expansion shows an acting user no user and no organization that it could not read", async ({ clients }) => {
  const client = clients["grpc-js"];
  const kind = (name: string) => callerOf(client, kinds.find((one) => one.name === name) ?? (kinds[0] as (typeof kinds)[number])).call;
  const member = await createUser(client);
  const other = await createUser(client);
  const [mine, theirs] = [await createOrganization(client, {}, member.id), await createOrganization(client)];
  await client.organizations.addMember({ organizationId: mine.id, userId: other.id, role: MemberRole.MEMBER });
  const release = { organizationId: mine.id, version: "a", ownerUserId: other.id };
  const { id } = ((await kind("release")("Create", { release })) as unknown as { release: { id: bigint } }).release;
  const integration = { provider: "x", externalId: "y", name: "z", organizationIds: [mine.id, theirs.id] };
  const shared = ((await kind("integration")("Create", { integration })) as unknown as { integration: { id: bigint } }).integration.id;
  type Expanded = {
    readonly expanded?: { readonly users?: readonly { id: bigint }[]; readonly organizations?: readonly { id: bigint }[] };
  };
  const expanded = async (name: string, value: bigint, expand: readonly string[], options?: object) =>
    ((await kind(name)("Get", { key: { case: "id", value }, expand }, options)) as unknown as Expanded).expanded;
  expect((await expanded("release", id, ["owner_user_id"]))?.users).toHaveLength(1);
  expect((await expanded("release", id, ["owner_user_id"], actingAs(member.id)))?.users).toEqual([]);
  expect((await expanded("release", id, ["owner_user_id"], actingAs(other.id)))?.users?.map((user) => user.id)).toEqual([other.id]);
  expect((await expanded("integration", shared, ["organization_ids"]))?.organizations).toHaveLength(2);
  const seen = (await expanded("integration", shared, ["organization_ids"], actingAs(member.id)))?.organizations;
  expect(seen?.map((organization) => organization.id)).toEqual([mine.id]);
});
