import { Unfit } from "./fault.ts";

/** The plain data that a Python pickle can hold. Integers that a number can't hold exactly are bigints. */
export type PlainData = null | boolean | number | bigint | string | PlainData[] | { [name: string]: PlainData };

const refused = (what: string): Unfit => new Unfit(`is a pickle that ${what}`);

/** Most characters that the texts of one value may have together: a pickle can name one text any number of times. */
const MAX_TEXT = 256 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true });

const isContainer = (value: PlainData | undefined): boolean => typeof value === "object" && value !== null;

/** A little-endian integer in two's complement. */
const longOf = (bytes: Buffer): number | bigint => {
  const integer = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`));
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
};

const createInput = (pickle: Buffer) => {
  let at = 0;
  let texts = 0;
  const take = (length: number): Buffer => {
    if (length > pickle.length - at) throw refused("ends too early");
    at += length;
    return pickle.subarray(at - length, at);
  };
  const count = (text: string): string => {
    texts += text.length;
    if (texts > MAX_TEXT) throw refused("is too large");
    return text;
  };
  const uint = (length: 1 | 2 | 4): number => take(length).readUIntLE(0, length);
  const text = (length: number): string => {
    try {
      return count(utf8.decode(take(length)));
    } catch (error) {
      throw error instanceof Unfit ? error : refused("holds text that is not UTF-8");
    }
  };
  return { take, uint, text, count };
};

type Stack = {
  values: PlainData[];
  readonly marks: PlainData[][];
  readonly memo: Map<number, PlainData>;
  readonly input: ReturnType<typeof createInput>;
};

const pop = ({ values }: Stack): PlainData => {
  const value = values.pop();
  if (value === undefined) throw refused("is damaged");
  return value;
};
const push = ({ values }: Stack, value: PlainData): void => void values.push(value);
const top = ({ values }: Stack): PlainData => {
  const value = values.at(-1);
  if (value === undefined) throw refused("is damaged");
  return value;
};
const mark = (stack: Stack): void => {
  stack.marks.push(stack.values);
  stack.values = [];
};

/** The values above the last mark. */
const popMarked = (stack: Stack): PlainData[] => {
  const marked = stack.values;
  const below = stack.marks.pop();
  if (below === undefined) throw refused("is damaged");
  stack.values = below;
  return marked;
};
const append = (stack: Stack, members: readonly PlainData[]): void => {
  const list = top(stack);
  if (!Array.isArray(list)) throw refused("is damaged");
  for (const member of members) list.push(member);
};
const setItems = (stack: Stack, items: readonly PlainData[]): void => {
  const object = top(stack);
  if (!isContainer(object) || Array.isArray(object) || items.length % 2 !== 0) throw refused("is damaged");
  for (let index = 0; index < items.length; index += 2) {
    const [name, value] = [items[index], items[index + 1]];
    if (typeof name !== "string") throw refused("has a member whose name is no text");
    (object as Record<string, PlainData | undefined>)[name] = value;
  }
};
/** Lists and objects stand in one place only: one that holds another one twice, or itself, could be of any size. */
const recall = ({ memo, input }: Stack, place: number): PlainData => {
  const value = memo.get(place);
  if (value === undefined) throw refused("is damaged");
  if (isContainer(value)) throw refused("names a list or an object twice");
  return typeof value === "string" ? input.count(value) : value;
};
const emptyObject = (): PlainData => Object.create(null) as { [name: string]: PlainData };
const popTuple = (stack: Stack, length: number): PlainData[] => Array.from({ length }, () => pop(stack)).reverse();

/** The opcodes of plain data in protocols 2 to 5 that put something on the stack. Any other one would name a class or call it. */
const values: ReadonlyMap<number, (stack: Stack) => PlainData> = new Map<number, (stack: Stack) => PlainData>([
  [0x4e, () => null],
  [0x88, () => true],
  [0x89, () => false],
  [0x4a, ({ input }) => input.take(4).readInt32LE()],
  [0x4b, ({ input }) => input.uint(1)],
  [0x4d, ({ input }) => input.uint(2)],
  [0x8a, ({ input }) => longOf(input.take(input.uint(1)))],
  [0x47, ({ input }) => input.take(8).readDoubleBE()],
  [0x58, ({ input }) => input.text(input.uint(4))],
  [0x8c, ({ input }) => input.text(input.uint(1))],
  [0x54, ({ input }) => input.text(input.uint(4))],
  [0x55, ({ input }) => input.text(input.uint(1))],
  [0x5d, () => []],
  [0x29, () => []],
  [0x74, popMarked],
  [0x85, (stack) => popTuple(stack, 1)],
  [0x86, (stack) => popTuple(stack, 2)],
  [0x87, (stack) => popTuple(stack, 3)],
  [0x7d, emptyObject],
  [0x68, (stack) => recall(stack, stack.input.uint(1))],
  [0x6a, (stack) => recall(stack, stack.input.uint(4))],
]);

/** The opcodes that change what is on the stack. */
const actions: ReadonlyMap<number, (stack: Stack) => unknown> = new Map<number, (stack: Stack) => unknown>([
  [0x80, ({ input }) => input.take(1)],
  [0x95, ({ input }) => input.take(8)],
  [0x28, mark],
  [0x61, (stack) => append(stack, [pop(stack)])],
  [0x65, (stack) => append(stack, popMarked(stack))],
  [0x73, (stack) => setItems(stack, popTuple(stack, 2))],
  [0x75, (stack) => setItems(stack, popMarked(stack))],
  [0x71, (stack) => stack.memo.set(stack.input.uint(1), top(stack))],
  [0x72, (stack) => stack.memo.set(stack.input.uint(4), top(stack))],
  [0x94, (stack) => stack.memo.set(stack.memo.size, top(stack))],
]);
const STOP = 0x2e;

/** Tells whether a text has the form of a pickle of protocol 2 to 5 in base64, as Sentry stored options up to 22.x. */
export const isPickle = (text: string): boolean => /^gA[I-X][A-Za-z0-9+/]{3,}={0,2}$/.test(text) && text.length % 4 === 0;

/** Reads the plain data in a pickle in base64, and executes nothing. Throws Unfit when the pickle is damaged, too large, or not plain data. */
export const readPickle = (base64: string): PlainData => {
  const input = createInput(Buffer.from(base64, "base64"));
  const stack: Stack = { values: [], marks: [], memo: new Map(), input };
  for (;;) {
    const code = input.uint(1);
    if (code === STOP) break;
    const value = values.get(code);
    const act = actions.get(code);
    if (value !== undefined) push(stack, value(stack));
    else if (act !== undefined) act(stack);
    else throw refused("is more than plain data");
  }
  const value = pop(stack);
  if (stack.values.length > 0 || stack.marks.length > 0) throw refused("is damaged");
  return value;
};
