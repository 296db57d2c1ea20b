import { type BigIntStats, closeSync, fstatSync, openSync, readFileSync, stat } from "node:fs";

/** The time between two looks at a file, in milliseconds. */
const POLL_MS = 250;

/** A file that is watched. */
export type WatchedFile = {
  /** Reads the file. Throws the error of the operating system. */
  readonly read: () => string;
};

/** The files of one purpose, which are watched for changes until `stop`. */
export type FileWatch = {
  readonly files: readonly WatchedFile[];
  /** Begins to watch: calls `changed` when a file differs from what was last read of it. */
  readonly start: (changed: () => void) => void;
  readonly stop: () => void;
};

/** The mark by which two states of a file are told apart. A renamed file has another inode, one that was written in place another time. */
const markOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs, ctimeNs].join(":");

/**
 * Makes the watch over some files. It looks at them by their paths now and then, and so sees a file that another one was renamed to, or that a
 * symbolic link leads to from now on, as Kubernetes does with its secrets. Notifications of the operating system follow neither.
 */
export const createFileWatch = (paths: readonly string[]): FileWatch => {
  const marks = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;

  const read = (path: string): string => {
    const file = openSync(path, "r");
    try {
      // The mark comes first: a change in between is then seen at the next look.
      const mark = markOf(fstatSync(file, { bigint: true }));
      const text = readFileSync(file, "utf8");
      marks.set(path, mark);
      return text;
    } finally {
      closeSync(file);
    }
  };

  /** Resolves to whether a file is another one than was read. */
  const differs = (path: string): Promise<boolean> =>
    new Promise((resolve) => {
      stat(path, { bigint: true }, (error, stats) => {
        const mark = error === null ? markOf(stats) : `error ${error.code}`;
        const isChanged = marks.get(path) !== mark;
        // One that can't be read is reported once.
        marks.set(path, mark);
        resolve(isChanged);
      });
    });

  return {
    files: paths.map((path) => ({ read: () => read(path) })),
    start: (changed) => {
      const look = async () => {
        const all = await Promise.all(paths.map(differs));
        if (timer === undefined) return;
        if (all.includes(true)) changed();
        timer = setTimeout(look, POLL_MS).unref();
      };
      timer = setTimeout(() => void look(), POLL_MS).unref();
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
};
