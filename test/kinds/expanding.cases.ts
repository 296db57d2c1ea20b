import { create } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { type Kind, referredBy } from "../../src/contract/kinds/kind.ts";
import { camelCase } from "../../src/contract/kinds/methods.ts";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import type { ClientKind, Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { callerOf, type Maker, makerOf, type Shown } from "./maker.ts";

/** What another RPC shows of something that is referred to. */
const shownOf = async (clients: Clients, name: string, id: bigint): Promise<unknown> => {
  const { organizations, users, profiles } = clients;
  if (name === "profile") return (await profiles.getProfile({ key: { case: "id", value: id } })).profile;
  if (name === "user") return (await users.getUser({ id, view: UserView.BASIC })).user;
  if (name === "organization") return (await organizations.getOrganization({ key: { case: "id", value: id } })).organization;
  if (name === "project") return (await organizations.getProject({ key: { case: "id", value: id } })).project;
  if (name === "team") return (await organizations.getTeam({ key: { case: "id", value: id } })).team;
  const { call, field } = callerOf(clients, clients.kinds.find((kind) => kind.name === name) as Kind);
  return (await call("Get", { key: { case: "id", value: id } }))[field];
};

/** The ids that resources have in some fields, each once, in ascending order. */
const idsIn = (rows: readonly Shown[], fields: readonly { readonly localName: string }[]): bigint[] => {
  const all = rows.flatMap((row) => fields.flatMap(({ localName }) => (row[localName] ?? []) as bigint | bigint[]));
  return [...new Set(all)].toSorted((a, b) => (a < b ? -1 : 1));
};

/** The cases of expand. */
export const expandingCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  const referred = referredBy(kind);
  const names = referred.flatMap(({ fields }) => fields.map(({ name }) => name));

  /** The answers of Get, BatchGet and List to one query about the resources. */
  const answers = async ({ call, parentId, kind: { listedBy } }: Maker, [first, ...others]: readonly Shown[], query: object) => {
    const ids = [first?.id, ...others.map(({ id }) => id)];
    return [
      [[first], await call("Get", { key: { case: "id", value: first?.id }, ...query })],
      [[first, ...others], await call("BatchGet", { ids, ...query })],
      [[first, ...others], await call("List", { [listedBy.localName]: parentId, ...query })],
    ] as [Shown[], Record<string, unknown>][];
  };

  test("comes with what its references name, each once, if it is asked for", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const rows = [await maker.create(), await maker.create()];
    for (const [, answer] of await answers(maker, rows, {})) expect(answer["expanded"]).toBeUndefined();
    for (const expand of [...names.map((name) => [name]), names]) {
      // Whether the reference is shown or not, what it names is.
      for (const query of [{ expand }, { expand, readMask: { paths: ["create_time"] } }]) {
        for (const [read, answer] of await answers(maker, rows, query)) {
          for (const { to, fields } of referred) {
            const ids = idsIn(
              read,
              fields.filter(({ name }) => expand.includes(name)).map(({ field }) => field),
            );
            const found = (answer["expanded"] as Record<string, unknown>)[camelCase(to.plural)];
            expect([expand, to.name, found]).toEqual([expand, to.name, await Promise.all(ids.map((id) => shownOf(client, to.name, id)))]);
          }
          if ("readMask" in query) {
            const [shown] = [answer[maker.field] ?? answer[maker.several]].flat() as Shown[];
            expect(shown).toEqual({ ...create(kind.message), id: read[0]?.id, createTime: read[0]?.["createTime"] });
          }
        }
      }
    }
  });

  test("refuses to expand what is no reference", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { id } = await maker.create();
    for (const wrong of ["etag", "nothing", `${names[0]}.name`, names[0]?.replace("_id", "") ?? ""]) {
      const expand = [names[0], wrong];
      const calls = [
        maker.call("Get", { key: { case: "id", value: id }, expand }),
        maker.call("BatchGet", { ids: [id], expand }),
        maker.call("List", { [kind.listedBy.localName]: maker.parentId, expand }),
      ];
      for (const call of calls) expect((await expectRefusal(call, "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["expand[1]"]);
    }
  });
};
