/** A fenced block of a Markdown file: ```` ```LANGUAGE SECTION… [setup] [file=PATH] ````. */
export type Block = {
  readonly language: string;
  /** The sections it belongs to: the blocks of one section are run together. */
  readonly sections: readonly string[];
  /** It installs packages: run where tools are required, elsewhere replaced by what is installed already. */
  readonly setup: boolean;
  /** Where the block is written to, before anything of its section runs. */
  readonly file: string | undefined;
  readonly text: string;
};

/** All fenced blocks, in order. */
export const parseBlocks = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(?<language>\w+)(?<info>[^\n]*)\n(?<text>.*?)^```$/gms)].map(({ groups = {} }) => {
    const words = (groups["info"] ?? "").split(" ").filter((word) => word !== "");
    return {
      language: groups["language"] ?? "",
      sections: words.filter((word) => word !== "setup" && !word.startsWith("file=")),
      setup: words.includes("setup"),
      file: words.find((word) => word.startsWith("file="))?.slice("file=".length),
      text: groups["text"] ?? "",
    };
  });

/** What a section is made of: files, then commands, and what each command that is no set-up prints. */
export const sectionOf = (blocks: readonly Block[], section: string) => {
  const own = blocks.filter(({ sections }) => sections.includes(section));
  return {
    files: own.filter(({ file }) => file !== undefined),
    commands: own.filter(({ language, file }) => language === "sh" && file === undefined),
    outputs: own.filter(({ language, file }) => language !== "sh" && file === undefined),
  };
};

const changing = new Set(["consistencyToken"]);
const isTime = (value: unknown) => typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);

/**
 * The part of an answer that the README shows, to be compared with it: times and tokens are what they are, and
 * `"…": "…"` stands for members that are not shown.
 */
export const shown = (answer: unknown, expected: unknown): unknown => {
  if (isTime(answer) && isTime(expected)) return expected;
  if (Array.isArray(answer) && Array.isArray(expected)) return answer.map((member, index) => shown(member, expected[index]));
  if (answer === null || expected === null || typeof answer !== "object" || typeof expected !== "object") return answer;
  const members = expected as Record<string, unknown>;
  const kept = Object.entries(answer).filter(([name]) => name in members || !("…" in members));
  return Object.fromEntries([
    ...kept.map(([name, value]) => [name, changing.has(name) && value !== "" ? members[name] : shown(value, members[name])]),
    ...("…" in members ? [["…", "…"]] : []),
  ]);
};
