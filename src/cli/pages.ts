/** The field that every page of a list has. */
type Answer = { readonly nextPageToken: string };

/** Yields all pages of a list in order. `ask` fetches the page of a token; the token of the first page is empty. */
export const pagesOf = async function* <A extends Answer>(ask: (pageToken: string) => Promise<A>): AsyncGenerator<A> {
  let pageToken = "";
  do {
    const page = await ask(pageToken);
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
};
