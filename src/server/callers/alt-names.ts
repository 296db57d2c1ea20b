/**
 * Reads the DNS names and URIs of the subject alternative names of a certificate from the form in which Node writes them, for example
 * `DNS:a.example.org, URI:spiffe://example.org/a`. DNS names are returned in lower case. A name with characters that are unusual in it stands
 * there as a string of JSON, and is left out: a comma in it must not begin another name. A text that is not of this form has no names.
 */
export const readAltNames = (text: string): readonly string[] => {
  const names: string[] = [];
  const entry = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const match = entry.exec(text);
    if (match === null) return [];
    const [, kind, name = ""] = match;
    if (name.startsWith('"')) continue;
    if (kind === "DNS") names.push(name.toLowerCase());
    else if (kind === "URI") names.push(name);
  }
  return names;
};
