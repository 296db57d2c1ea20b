import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Which cores each part has to itself, as `taskset -c` takes them; undefined = any. */
export type Pins = {
  /** What is measured: userd, and whatever stands in its place as a yardstick. */
  readonly server: string | undefined;
  readonly client: string | undefined;
  /** The database (when the bench starts it) and the bench itself. */
  readonly rest: string | undefined;
  /** For two workers: the server's core, and one that is not the client's if there are enough. */
  readonly workers: string | undefined;
  /** Whether the client has one of the workers' cores. */
  readonly isClientBesideWorkers: boolean;
  /** The same in words. */
  readonly sentence: string;
};

/** `0-2,7` as 0, 1, 2, 7. */
export const parseCpuList = (list: string): number[] =>
  list
    .trim()
    .split(",")
    .flatMap((part) => {
      const [from = Number.NaN, to = from] = part.split("-").map(Number);
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });

const allowedCpus = (): number[] => {
  const status = readFileSync("/proc/self/status", "utf8");
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "");
};

const unpinned = (reason: string): Pins => ({
  server: undefined,
  client: undefined,
  rest: undefined,
  workers: undefined,
  isClientBesideWorkers: true,
  sentence: `NOTHING IS PINNED (${reason}): the ratios of this run say little`,
});

/** The server gets a core, the client another one, and the database what is left: with two cores it shares the client's. */
export const choosePins = (): Pins => {
  let cpus: number[];
  try {
    execFileSync("taskset", ["--version"], { stdio: "ignore" });
    cpus = allowedCpus();
  } catch {
    return unpinned("there is no taskset");
  }
  const [server, client, ...others] = cpus;
  if (server === undefined || client === undefined) return unpinned("there is one core");
  const rest = others.length === 0 ? `${client}` : others.join(",");
  return {
    server: `${server}`,
    client: `${client}`,
    rest,
    workers: `${server},${others[0] ?? client}`,
    isClientBesideWorkers: others.length === 0,
    sentence: `server on core ${server}, client on core ${client}, PostgreSQL on ${others.length === 0 ? `core ${client}, beside the client` : `cores ${rest}`}`,
  };
};

/** Pins this process, and so all that it starts from now on and does not pin elsewhere. */
export const pinSelf = ({ rest }: Pins): void => {
  if (rest !== undefined) execFileSync("taskset", ["-a", "-c", "-p", rest, `${process.pid}`], { stdio: "ignore" });
};

/** A command line that stays on some cores. */
export const pinned = (cpus: string | undefined, command: readonly string[]): readonly string[] =>
  cpus === undefined ? command : ["taskset", "-c", cpus, ...command];
