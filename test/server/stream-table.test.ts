import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { keepStreamsInSlots, StreamTable } from "../../src/server/stream-table.ts";

/** A server whose sessions keep their streams in slots, and a client with one connection to it. */
const start = async (): Promise<{ client: ClientHttp2Session; session: Promise<ServerHttp2Session>; taken: boolean[] }> => {
  const taken: boolean[] = [];
  const server = createServer();
  const { promise: session, resolve } = Promise.withResolvers<ServerHttp2Session>();
  server.on("session", (begun) => {
    taken.push(keepStreamsInSlots(begun));
    resolve(begun);
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":path"] === "/answer") stream.end("answered");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on("error", () => {});
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return { client, session, taken };
};

test("a table of slots answers what a Map answers", () => {
  const action = fc.record({ kind: fc.constantFrom("set", "get", "delete"), id: fc.integer({ min: 1, max: 12 }), value: fc.string() });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const [table, map] = [new StreamTable<string>(), new Map<number, string>()];
      for (const { kind, id, value } of actions) {
        if (kind === "set") {
          table.set(id, value);
          map.set(id, value);
        } else if (kind === "get") expect(table.get(id)).toBe(map.get(id));
        else expect(table.delete(id)).toBe(map.delete(id));
        expect(table.size).toBe(map.size);
      }
      const visited = new Map<number, string>();
      table.forEach((one, id) => void visited.set(id, one));
      expect(visited).toEqual(map);
    }),
  );
});

test("what is deleted while a table is gone through is not visited", () => {
  const table = new StreamTable<string>().set(1, "one").set(3, "three").set(5, "five");
  const visited: number[] = [];
  table.forEach((_, id) => {
    visited.push(id);
    table.delete(3);
  });
  expect(visited).toEqual([1, 5]);
});

test("sessions of this Node take it, and answer hundreds of calls", async () => {
  const { client, taken } = await start();
  const call = () => text(client.request({ ":path": "/answer" }));
  for (let turn = 0; turn < 5; turn += 1) {
    const answers = await Promise.all(Array.from({ length: 80 }, call));
    expect(new Set(answers)).toEqual(new Set(["answered"]));
  }
  expect(taken, "whether Node's sessions are as they were when this was written").toEqual([true]);
});

test("a session that is destroyed takes its streams along", async () => {
  const { client, session } = await start();
  const open = [1, 2, 3].map(() => client.request({ ":path": "/never" }));
  for (const stream of open) stream.on("error", () => {});
  const closed = open.map((stream) => once(stream, "close"));
  await once((await session) as ServerHttp2Session, "stream").catch(() => {});
  (await session).destroy();
  await Promise.all(closed);
  expect(open.every(({ destroyed }) => destroyed)).toBe(true);
});

test("a session that has begun is left alone", async () => {
  const { client, session } = await start();
  const stream = client.request({ ":path": "/never" });
  stream.on("error", () => {});
  const begun = await session;
  await once(begun, "stream");
  expect(keepStreamsInSlots(begun)).toBe(false);
});
