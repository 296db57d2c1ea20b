import type { Clock, Loaded, Source } from "./ports.ts";
import { createSharedSignal, type SharedSignal } from "./shared-signal.ts";

/** The result of a statement, with the times at which it was sent and answered, by the monotonic clock of this process. */
type Shown<T> = Loaded<T> & { readonly sent: number; readonly answered: number };

/** The part of a statement's result that one load asked for: it begins at the position `first`. */
type Part<T> = { readonly shown: Shown<T>; readonly first: number };

/** The loader of content from the database. Small loads of one turn of the event loop share a statement. */
export type Loader<K, T> = {
  /** Loads the content of keys. Calls `onSend` right before the statement is sent: a strong read that begins later can't share it. */
  readonly load: (keys: readonly K[], waiting: SharedSignal, onSend: () => void) => Promise<Part<T>>;
};

/** The most keys of a shared statement: enough to spread its cost, few enough that nobody waits for the rest of it. */
const MAX_SHARED_KEYS = 100;

type Load<K, T> = {
  readonly keys: readonly K[];
  readonly onSend: () => void;
  readonly resolve: (part: Part<T>) => void;
  readonly reject: (error: unknown) => void;
};

type Batch<K, T> = { readonly loads: Load<K, T>[]; size: number; readonly signal: SharedSignal };

/** Makes the loader of the content of one source. */
export const createLoader = <K, T>(source: Pick<Source<K, T>, "load">, clock: Clock): Loader<K, T> => {
  let open: Batch<K, T> | undefined;

  const send = async ({ loads, signal }: Batch<K, T>): Promise<void> => {
    try {
      for (const { onSend } of loads) onSend();
      // Noted before sending: what the statement shows is at least as new as this.
      const sent = clock.now();
      const loaded = await source.load(
        loads.flatMap(({ keys }) => keys),
        signal.signal(),
      );
      const shown = { ...loaded, sent, answered: clock.now() };
      let first = 0;
      for (const { keys, resolve } of loads) {
        resolve({ shown, first });
        first += keys.length;
      }
    } catch (error) {
      for (const { reject } of loads) reject(error);
    }
  };

  const begin = (): Batch<K, T> => {
    const close = () => {
      if (open === batch) open = undefined;
    };
    // Nobody joins what has been cancelled before it was sent: its statement fails, or leaves nothing that counts (I12).
    const batch: Batch<K, T> = { loads: [], size: 0, signal: createSharedSignal(close) };
    open = batch;
    clock.defer(() => {
      close();
      void send(batch);
    });
    return batch;
  };

  return {
    load: (keys, waiting, onSend) =>
      new Promise((resolve, reject) => {
        const batch = open !== undefined && open.size + keys.length <= MAX_SHARED_KEYS ? open : begin();
        batch.loads.push({ keys, onSend, resolve, reject });
        batch.size += keys.length;
        batch.signal.join(waiting);
      }),
  };
};
