/** English names of what Unicode's CLDR knows; a code that it does not know has none. */
const namesOf = (type: "language" | "script" | "region") => new Intl.DisplayNames("en", { type, fallback: "none" });

let names: Readonly<Record<"language" | "script" | "region", Intl.DisplayNames>> | undefined;

/** Made when the first language is checked. */
const knownNames = () => {
  names ??= { language: namesOf("language"), script: namesOf("script"), region: namesOf("region") };
  return names;
};

/**
 * Tells whether a text is a language tag (BCP 47) whose language, script and region exist. `Intl` takes what is merely well
 * formed (`english`, `xx`, `de-QX`), which parsers of other languages refuse. CLDR has no names for most languages of three
 * letters: those are taken.
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
