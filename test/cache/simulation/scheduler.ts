import type { Random } from "../../fuzz/random.ts";

/** Whose turn an event is: nothing of a paused owner runs before its pause ends, and nothing of a dead one ever. */
export type Owner = { pausedUntil: number; dead: boolean };

/** Something that will happen. */
export type Event = { at: number; readonly tie: number; readonly task: () => void; readonly owner: Owner | undefined; cancelled: boolean };

/** The real time of one schedule, in milliseconds, and what happens in it. */
export type Scheduler = {
  readonly now: () => number;
  /** Runs `task` after a delay, rounded to whole milliseconds so that much is due at the same time. */
  readonly after: (delay: number, task: () => void, owner?: Owner) => Event;
  /** Runs until nothing is left; what events lead to without delay ends before the next one. */
  readonly run: () => Promise<void>;
};

/** Makes a scheduler that chooses at random among the events that are due at the same time. */
export const createScheduler = (random: Random): Scheduler => {
  const heap: Event[] = [];
  let now = 0;

  const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.tie < b.tie);

  const push = (event: Event): void => {
    let child = heap.length;
    heap.push(event);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[child] = heap[parent] as Event;
      child = parent;
    }
    heap[child] = event;
  };

  const pop = (): Event | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[parent] = heap[child] as Event;
      parent = child;
    }
    heap[parent] = last;
    return first;
  };

  /** Runs one event; false when there is none. */
  const turn = (): boolean => {
    for (;;) {
      const event = pop();
      if (event === undefined) return false;
      const { owner } = event;
      if (event.cancelled || owner?.dead) continue;
      if (owner !== undefined && owner.pausedUntil > event.at) {
        event.at = owner.pausedUntil;
        push(event);
        continue;
      }
      now = event.at;
      event.task();
      return true;
    }
  };

  return {
    now: () => now,
    after: (delay, task, owner) => {
      const event: Event = { at: now + Math.max(0, Math.round(delay)), tie: random.below(2 ** 30), task, owner, cancelled: false };
      push(event);
      return event;
    },
    run: () =>
      new Promise((resolve, reject) => {
        const step = (): void => {
          try {
            if (turn()) queueMicrotask(again);
            else resolve();
          } catch (error) {
            reject(error);
          }
        };
        // A tick that a microtask asks for runs when no microtask is left: a turn of the event loop, without its price.
        const again = (): void => process.nextTick(step);
        again();
      }),
  };
};
