import type { Clock, Loaded, Source } from "./ports.ts";
import { createSharedSignal, type SharedSignal } from "./shared-signal.ts";

/** The result of a load, with the times at which its statement was sent and answered, by the monotonic clock of this process. */
export type Shown<T> = Loaded<T> & { readonly sent: number; readonly answered: number };

/** The loader of content from the database. Small loads of one turn of the event loop share a statement. */
export type Loader<K, T> = {
  /** Loads the content of keys. Calls `onSend` right before the statement is sent: a strong read that begins later can't share it. */
  readonly load: (keys: readonly K[], waiting: SharedSignal, onSend: () => void) => Promise<Shown<T>>;
};

/** The most keys of a shared statement: enough to spread its cost, few enough that nobody waits for the rest of it. */
const MAX_SHARED_KEYS = 100;

type Part<K, T> = {
  readonly keys: readonly K[];
  readonly onSend: () => void;
  readonly resolve: (shown: Shown<T>) => void;
  readonly reject: (error: unknown) => void;
};

type Batch<K, T> = { readonly parts: Part<K, T>[]; size: number; readonly signal: SharedSignal };

/** Makes the loader of the content of one source. */
export const createLoader = <K, T>(source: Pick<Source<K, T>, "load">, clock: Clock): Loader<K, T> => {
  let open: Batch<K, T> | undefined;

  const send = async ({ parts, signal }: Batch<K, T>): Promise<void> => {
    try {
      for (const { onSend } of parts) onSend();
      // Noted before sending: what the statement shows is at least as new as this.
      const sent = clock.now();
      const { epoch, databaseTime, versions, contents, loadedTogether } = await source.load(
        parts.flatMap(({ keys }) => keys),
        signal.signal(),
      );
      const answered = clock.now();
      let first = 0;
      for (const { keys, resolve } of parts) {
        const end = first + keys.length;
        resolve({
          epoch,
          databaseTime,
          versions: versions.slice(first, end),
          contents: contents.slice(first, end),
          ...(loadedTogether && { loadedTogether: loadedTogether.slice(first, end) }),
          sent,
          answered,
        });
        first = end;
      }
    } catch (error) {
      for (const { reject } of parts) reject(error);
    }
  };

  const begin = (): Batch<K, T> => {
    const close = () => {
      if (open === batch) open = undefined;
    };
    // Nobody joins what has been cancelled before it was sent: its statement fails, or leaves nothing that counts (I12).
    const batch: Batch<K, T> = { parts: [], size: 0, signal: createSharedSignal(close) };
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
        batch.parts.push({ keys, onSend, resolve, reject });
        batch.size += keys.length;
        batch.signal.join(waiting);
      }),
  };
};
