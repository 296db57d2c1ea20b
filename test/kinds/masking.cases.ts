import { create } from "@bufbuild/protobuf";
import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { ordersOf } from "../../src/kinds/order.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { list, walk } from "./asking.ts";
import { makerOf, type Shown } from "./maker.ts";

/** The cases of read_mask. */
export const maskingCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  test("is read as far as a mask says", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { id } = await maker.create();
    if (kind.isSoft) await maker.call("Delete", { id });
    const [shown] = (await list(maker, { showDeleted: true })).rows as [Shown];
    const byId = { key: { case: "id", value: id } };
    const names = kind.message.fields.map(({ name }) => name);
    const allOf = (paths: readonly string[]) => {
      const named = kind.message.fields.filter(({ name }) => name === "id" || paths.includes(name));
      return { ...create(kind.message), ...Object.fromEntries(named.map(({ localName }) => [localName, shown[localName]])) };
    };
    for (const paths of [...names.map((name) => [name]), names.slice(2, 5), names]) {
      const readMask = { paths };
      const found = [
        (await maker.call("Get", { ...byId, readMask }))[maker.field],
        ...((await maker.call("BatchGet", { ids: [id], readMask }))[maker.several] as Shown[]),
        ...(await list(maker, { showDeleted: true, readMask })).rows,
      ];
      expect([paths, found]).toEqual([paths, Array(3).fill(allOf(paths))]);
    }
    for (const paths of [[], ["*"], ["create_time", "*"]]) {
      expect((await maker.call("Get", { ...byId, readMask: { paths } }))[maker.field]).toEqual(shown);
    }
    const readMask = { paths: ["id", "nothing"] };
    const calls = [maker.call("Get", { ...byId, readMask }), maker.call("BatchGet", { ids: [id], readMask }), list(maker, { readMask })];
    for (const call of calls) expect((await expectRefusal(call, "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["read_mask"]);
  });

  test("is listed page by page in orders that a mask leaves out", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    for (let n = 0; n < 5; n++) await maker.create();
    for (const order of ordersOf(kind)) {
      const query = { orderBy: order.map(({ name }) => name).join(", "), ...(!kind.isLarge && { filter: "id > 0" }) };
      const whole = await walk(maker, query);
      const masked = await walk(maker, { ...query, readMask: { paths: ["create_time"] } });
      expect(masked).toEqual(whole.map(({ id, createTime }) => ({ ...create(kind.message), id, createTime })));
    }
    const { nextPageToken } = await list(maker, { pageSize: 1 });
    const ofAnother = list(maker, { pageSize: 1, pageToken: nextPageToken, readMask: { paths: ["create_time"] } });
    await expectRefusal(ofAnother, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });
};
