/** The field that every page of a list has. */
type Answer = { readonly nextPageToken: string };

/** Asks for the pages of a list one after the other, to the last one. */
export const pagesOf = async function* <A extends Answer>(ask: (pageToken: string) => Promise<A>): AsyncGenerator<A> {
  let pageToken = "";
  do {
    const page = await ask(pageToken);
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
};
