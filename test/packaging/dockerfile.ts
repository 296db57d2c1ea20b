import { spawn } from "node:child_process";
import { cp, mkdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

/** One instruction of a Dockerfile, its continued lines joined. */
type Instruction = { readonly name: string; readonly args: string };

const parse = (text: string): Instruction[] =>
  text
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", args = ""] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
      return { name, args };
    });

/** What the last stage of a Dockerfile makes, without a container engine: a folder for /, and how to run it. */
export type Image = {
  /** Of each stage. */
  readonly bases: readonly string[];
  /** The folder that stands for `/`. */
  readonly root: string;
  readonly workdir: string;
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
};

/** Runs a command in a shell; npm takes what it can from its cache. */
const shell = (command: string, cwd: string): Promise<void> =>
  new Promise((done, fail) => {
    const env = { ...process.env, npm_config_prefer_offline: "true" };
    const child = spawn("bash", ["-euc", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
    child.on("error", fail);
    child.on("exit", (code) => (code === 0 ? done() : fail(new Error(`RUN ${command} ended with ${code}:\n${output.join("")}`))));
  });

/**
 * Takes the steps of a Dockerfile one by one, each stage in a folder of its own. Knows the instructions that ours has,
 * and fails on others.
 * @param context what the build may copy: the part of the repository that .dockerignore lets through.
 */
export const build = async (text: string, context: string, folder: string): Promise<Image> => {
  const stages = new Map<string, string>();
  const bases: string[] = [];
  const empty = { root: "", workdir: "/", user: "root", env: {} as Record<string, string>, healthcheck: [""], entrypoint: [""], cmd: [""] };
  let image = empty;
  const json = (args: string): string[] => JSON.parse(args);

  const copy = async (args: string): Promise<void> => {
    const words = args.split(/\s+/);
    const from = words[0]?.startsWith("--from=") ? words.shift()?.slice("--from=".length) : undefined;
    const target = words.pop() ?? "";
    for (const word of words) {
      const source = from === undefined ? join(context, word) : join(stages.get(from) ?? "unknown stage", word);
      const destination = join(image.root, resolve(image.workdir, target));
      const isFolder = (await stat(source)).isDirectory();
      await cp(source, !isFolder && target.endsWith("/") ? join(destination, basename(word)) : destination, {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
  };

  for (const { name, args } of parse(text)) {
    switch (name) {
      case "FROM": {
        const [base = "", , stage = `${bases.length}`] = args.split(/\s+/);
        const root = join(folder, `stage-${stage}`);
        await mkdir(root, { recursive: true });
        stages.set(stage, root);
        bases.push(base);
        image = { ...empty, root };
        break;
      }
      case "WORKDIR":
        image = { ...image, workdir: args };
        await mkdir(join(image.root, args), { recursive: true });
        break;
      case "COPY":
        await copy(args);
        break;
      case "RUN":
        await shell(args.replaceAll(/(?<= )\/(?=\w)/g, `${image.root}/`), join(image.root, image.workdir));
        break;
      case "ENV": {
        const [variable = "", value = ""] = args.split(/=(.*)/s);
        image = { ...image, env: { ...image.env, [variable]: value } };
        break;
      }
      case "USER":
        image = { ...image, user: args };
        break;
      case "HEALTHCHECK":
        image = { ...image, healthcheck: json(args.slice(args.indexOf("CMD") + "CMD".length)) };
        break;
      case "ENTRYPOINT":
        image = { ...image, entrypoint: json(args) };
        break;
      case "CMD":
        image = { ...image, cmd: json(args) };
        break;
      case "VOLUME":
      case "EXPOSE":
      case "STOPSIGNAL":
        break;
      default:
        throw new Error(`${name} is not known here`);
    }
  }
  const { entrypoint, cmd, ...rest } = image;
  return { ...rest, bases, command: [...entrypoint, ...cmd] };
};
