import { type Notification, type NotificationJson, notificationFromJson, notificationToJson } from "../versions/notification.ts";
import type { Bus } from "./ports.ts";

/** What a worker tells the process that started it, which tells the other workers. */
type Committed = { readonly userd: "committed"; readonly notifications: readonly NotificationJson[] };

/** The channel between a worker and the process that started it: Node's `process`. */
export type WorkerChannel = {
  readonly connected: boolean;
  readonly send?: (message: Committed, handle: undefined, options: undefined, done: () => void) => unknown;
  readonly on: (event: "message", listener: (message: unknown) => void) => unknown;
};

/** The bus between the workers of one machine. */
type WorkerBus = {
  readonly bus: Bus;
  /** Calls `listener` with every notification of the other workers. */
  readonly listen: (listener: (notification: Notification) => void) => void;
};

/** Tells whether a message of a worker is one of commits, which the other workers are to hear of. */
export const isCommitted = (message: unknown): message is Committed =>
  typeof message === "object" && message !== null && "userd" in message && message.userd === "committed";

/** Opens the bus of a worker. What is committed in one turn of the event loop is one message. */
export const openWorkerBus = (channel: WorkerChannel): WorkerBus => {
  let waiting: NotificationJson[] = [];
  const send = (): void => {
    const notifications = waiting;
    waiting = [];
    // Without the callback, a channel that closes meanwhile would end the worker with an `error` event.
    if (channel.connected) channel.send?.({ userd: "committed", notifications }, undefined, undefined, () => {});
  };
  return {
    bus: {
      publish: (notification) => {
        if (waiting.length === 0) setImmediate(send);
        waiting.push(notificationToJson(notification));
      },
    },
    listen: (listener) => {
      channel.on("message", (message) => {
        if (!isCommitted(message)) return;
        for (const notification of message.notifications) listener(notificationFromJson(notification));
      });
    },
  };
};
