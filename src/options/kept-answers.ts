import { LRUCache } from "lru-cache";

/** An answer that was made from the cached options of one user, and is kept with the first of them. */
export type KeptAnswer = {
  /** The question, which is one object as long as it is the same. */
  readonly question: object;
  /** The cached options of the user in further scopes. */
  readonly others: readonly Keeper[];
  /** The answer, frozen; undefined = the question was asked once. */
  answer: object | undefined;
};

/** Cached options of a user in a scope, with which answers are kept. */
type Keeper = { readonly keys: readonly string[]; readonly made: { answers: KeptAnswer[] | undefined } };

/** The most answers that are kept with the options of a user in a scope: one for each of several services that ask for keys of their own. */
const MAX_ANSWERS = 4;

/** The most options that an answer has for each option of the user, and besides: the cache counts what the user has. */
const MAX_SHARE = 8;

/** The most questions that are remembered. */
const MAX_QUESTIONS = 32;

/** Makes the memory of the latest questions, keyed by a text that says all about a question that the cached options don't. */
export const createQuestions = <Q extends object>(): LRUCache<string, Q> => new LRUCache<string, Q>({ max: MAX_QUESTIONS });

/** The cached options of one user within those of many: at these positions. */
type Place = { readonly from: number; readonly to: number };

const isAbout = ({ others }: KeptAnswer, cached: readonly Keeper[], { from, to }: Place): boolean => {
  if (others.length !== to - from - 1) return false;
  for (let index = from + 1; index < to; index += 1) if (others[index - from - 1] !== cached[index]) return false;
  return true;
};

/** Tells whether an answer with so many options takes little more memory than the cache counts for the options of the user. */
export const isSmall = (options: number, cached: readonly Pick<Keeper, "keys">[]): boolean =>
  options <= MAX_SHARE * (1 + cached.reduce((sum, { keys }) => sum + keys.length, 0));

/**
 * Answers a question about one of many users. Who asks the same about the same cached options gets the same frozen answer from the third time on,
 * which is encoded once: the first time may be the only one.
 * @param make makes the answer; `isLasting` false = it depends on the time, or takes much memory, so it is not kept.
 */
export const answerOnce = <A extends object, C extends Keeper>(
  question: object,
  cached: readonly C[],
  place: Place,
  make: (cached: readonly C[]) => { readonly answer: A; readonly isLasting: boolean },
): A => {
  const { made } = cached[place.from] as C;
  made.answers ??= [];
  const { answers } = made;
  const known = answers.find((one) => one.question === question);
  const isKnown = known !== undefined && isAbout(known, cached, place);
  if (isKnown && known.answer !== undefined) return known.answer as A;
  const ofUser = cached.slice(place.from, place.to);
  const { answer, isLasting } = make(ofUser);
  if (isKnown) {
    if (isLasting) known.answer = Object.freeze(answer);
  } else {
    if (known !== undefined) answers.splice(answers.indexOf(known), 1);
    if (answers.push({ question, others: ofUser.slice(1), answer: undefined }) > MAX_ANSWERS) answers.shift();
  }
  return answer;
};
