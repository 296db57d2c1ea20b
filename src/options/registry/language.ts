/** The English names that Unicode's CLDR has for a kind of code; it has none for an unknown code. */
const namesOf = (type: "language" | "script" | "region") => new Intl.DisplayNames("en", { type, fallback: "none" });

let names: Readonly<Record<"language" | "script" | "region", Intl.DisplayNames>> | undefined;

/** The names, made when the first language is checked. */
const knownNames = () => {
  names ??= { language: namesOf("language"), script: namesOf("script"), region: namesOf("region") };
  return names;
};

/**
 * Tells whether a text is a language tag (BCP 47) whose language, script and region exist. Unlike `Intl`, it refuses unknown codes (`xx`,
 * `de-QX`), but it accepts every language of three letters, since CLDR names few of those.
 */
export const isLanguage = (tag: string): boolean => {
  try {
    const { language, script, region } = new Intl.Locale(tag);
    const known = knownNames();
    return (
      language.length <= 3 &&
      language !== "und" &&
      (language.length === 3 || known.language.of(language) !== undefined) &&
      (script === undefined || known.script.of(script) !== undefined) &&
      (region === undefined || known.region.of(region) !== undefined)
    );
  } catch {
    return false;
  }
};
