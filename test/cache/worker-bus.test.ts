import { EventEmitter, once } from "node:events";
import { expect, test } from "vitest";
import { isCommitted, openWorkerBus, type WorkerChannel } from "../../src/cache/worker-bus.ts";
import type { Notification } from "../../src/versions/notification.ts";

/** The channel of a worker, whose messages go through JSON, as Node's do. */
const startChannel = () => {
  const events = new EventEmitter();
  const sent = new EventEmitter();
  const channel = {
    connected: true as boolean,
    send: (message: unknown) => sent.emit("sent", JSON.parse(JSON.stringify(message))),
    on: (event: "message", listener: (message: unknown) => void) => events.on(event, listener),
  } satisfies WorkerChannel;
  return { channel, sent, hear: (message: unknown) => events.emit("message", message) };
};

const commitOf = (id: bigint): Notification => ({ epoch: "e", aggregates: [{ kind: "user", id, version: 2n ** 60n }] });

test("a worker tells of the commits of a turn in one message, from which another one learns what it was", async () => {
  const [one, other] = [startChannel(), startChannel()];
  const { bus } = openWorkerBus(one.channel);
  const heard: Notification[] = [];
  openWorkerBus(other.channel).listen((notification) => heard.push(notification));
  const message = once(one.sent, "sent");
  bus.publish(commitOf(1n));
  bus.publish(commitOf(2n ** 61n));
  const [sent] = await message;
  expect(isCommitted(sent)).toBe(true);
  other.hear(sent);
  expect(heard).toEqual([commitOf(1n), commitOf(2n ** 61n)]);
});

test("other messages of the channel are no commits, and a channel that has closed takes none", async () => {
  const { channel, sent, hear } = startChannel();
  const heard: Notification[] = [];
  const worker = openWorkerBus(channel);
  worker.listen((notification) => heard.push(notification));
  for (const message of [null, "committed", { userd: "metrics" }, { ready: "line" }]) hear(message);
  expect(heard).toEqual([]);
  channel.connected = false;
  let messages = 0;
  sent.on("sent", () => {
    messages += 1;
  });
  worker.bus.publish(commitOf(1n));
  await new Promise((resolve) => setImmediate(resolve));
  expect(messages).toBe(0);
});
