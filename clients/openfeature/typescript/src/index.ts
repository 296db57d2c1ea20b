import {
  type EvaluationContext,
  GeneralError,
  InvalidContextError,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  StandardResolutionReasons as Reasons,
  type ResolutionDetails,
  TargetingKeyMissingError,
  TypeMismatchError,
} from "@openfeature/server-sdk";
import { type NearCache, OptionSource, type ResolvedOptions, toJsonValue } from "@userd/client";

/** The reason of a value, by the level that it comes from: those that depend on who asks are matches. */
const reasons: Readonly<Partial<Record<OptionSource, keyof typeof Reasons>>> = {
  [OptionSource.USER_PROJECT]: Reasons.TARGETING_MATCH,
  [OptionSource.USER_ORGANIZATION]: Reasons.TARGETING_MATCH,
  [OptionSource.USER_GLOBAL]: Reasons.TARGETING_MATCH,
  [OptionSource.PROJECT]: Reasons.TARGETING_MATCH,
  [OptionSource.ORGANIZATION]: Reasons.TARGETING_MATCH,
  [OptionSource.GLOBAL]: Reasons.STATIC,
  [OptionSource.DEFINITION]: Reasons.DEFAULT,
};

/** The names of the levels, for `flagMetadata`. */
const levels = new Map<number, string>(Object.entries(OptionSource).map(([name, source]) => [source, name]));

/** Returns an id of the context; undefined = the context has none. */
const idOf = (context: EvaluationContext, field: string): bigint | undefined => {
  const value = context[field];
  if (value === undefined || value === null) return undefined;
  const text = String(value);
  if (!/^\d{1,19}$/.test(text)) throw new InvalidContextError(`${field} has to be an id of userd, in digits.`);
  return BigInt(text);
};

const found = <T>(answer: ResolvedOptions, defaultValue: T, isOfType: (value: unknown) => boolean): ResolutionDetails<T> => {
  const [option] = answer.options;
  if (option === undefined || !option.found) return { value: defaultValue, reason: Reasons.DEFAULT };
  const value = toJsonValue(option.value);
  if (!isOfType(value)) throw new TypeMismatchError(`The value of ${option.key} is not of the type that was asked for.`);
  const flagMetadata = { source: levels.get(option.source) ?? "", locked: option.locked };
  return { value: value as T, reason: reasons[option.source] ?? Reasons.UNKNOWN, flagMetadata };
};

/** Throws an error of a call as OpenFeature knows them. */
const refuse = (error: unknown): never => {
  throw new GeneralError(error instanceof Error ? error.message : String(error), { cause: error });
};

/**
 * A provider for OpenFeature: a flag is an option of userd, resolved for the user whose id is the `targetingKey`, in the project
 * `projectId` and the organization `organizationId` of the context. It reads through a near cache, which it does not close.
 */
export class UserdProvider implements Provider {
  readonly metadata = { name: "userd" } as const;
  readonly runsOn = "server";
  readonly events = new OpenFeatureEventEmitter();
  readonly #near: NearCache;
  #stop: (() => void) | undefined;

  /** Makes a provider over a near cache. */
  constructor(near: NearCache) {
    this.#near = near;
  }

  /** Waits until the feed vouches for answers, and tells of changes from then on. */
  async initialize(): Promise<void> {
    await this.#near.live();
    let isStale = false;
    const stopChanges = this.#near.onChange(() => this.events.emit(ProviderEvents.ConfigurationChanged));
    const stopLive = this.#near.onLive((isLive) => {
      if (isLive === !isStale) return;
      isStale = !isLive;
      this.events.emit(isStale ? ProviderEvents.Stale : ProviderEvents.Ready);
    });
    this.#stop = () => {
      stopChanges();
      stopLive();
    };
  }

  async onClose(): Promise<void> {
    this.#stop?.();
  }

  #resolve<T>(
    flagKey: string,
    defaultValue: T,
    context: EvaluationContext,
    isOfType: (value: unknown) => boolean,
  ): Promise<ResolutionDetails<T>> | ResolutionDetails<T> {
    const userId = idOf(context, "targetingKey");
    if (userId === undefined) throw new TargetingKeyMissingError("The targetingKey is the id of a user.");
    const scope = { projectId: idOf(context, "projectId"), organizationId: idOf(context, "organizationId") };
    const answer = this.#near.options.resolve(userId, [flagKey], scope);
    if (answer instanceof Promise) return answer.then((resolved) => found(resolved, defaultValue, isOfType), refuse);
    const details = found(answer, defaultValue, isOfType);
    return details.reason === Reasons.DEFAULT ? details : { ...details, reason: Reasons.CACHED };
  }

  async resolveBooleanEvaluation(flagKey: string, defaultValue: boolean, context: EvaluationContext) {
    return this.#resolve(flagKey, defaultValue, context, (value) => typeof value === "boolean");
  }

  async resolveStringEvaluation(flagKey: string, defaultValue: string, context: EvaluationContext) {
    return this.#resolve(flagKey, defaultValue, context, (value) => typeof value === "string");
  }

  async resolveNumberEvaluation(flagKey: string, defaultValue: number, context: EvaluationContext) {
    return this.#resolve(flagKey, defaultValue, context, (value) => typeof value === "number");
  }

  async resolveObjectEvaluation<T extends JsonValue>(flagKey: string, defaultValue: T, context: EvaluationContext) {
    return this.#resolve(flagKey, defaultValue, context, (value) => typeof value === "object" && value !== null);
  }
}
