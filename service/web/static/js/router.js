// Addresses are fragments (`#/search?q=…`): they can be kept and shared, and are never sent to the service.

/** The route that an address names: `view`, an optional `id`, and parameters. */
export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/");
  return { view: view || "ask", id: decoded(rest.join("/")), params: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a route; parameters that are empty are left out. */
export function address(view, id = "", params = {}) {
  const entries = params instanceof URLSearchParams ? [...params] : Object.entries(params);
  const query = new URLSearchParams(entries.filter(([, value]) => value !== "" && value != null));
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${query.size ? `?${query}` : ""}`;
}

/** The same route without the paper that is open over it. */
export function base(route) {
  const params = new URLSearchParams(route.params);
  params.delete("paper");
  params.delete("quote");
  return address(route.view, route.id, params);
}

/** The address that opens a paper over the present view, with quotes of it marked. */
export function paperAddress(paperId, quotes = []) {
  const route = read();
  const params = new URLSearchParams(route.params);
  params.delete("quote");
  params.set("paper", paperId);
  for (const quote of quotes) params.append("quote", quote);
  return address(route.view, route.id, params);
}

/** Go to an address, as a link does. */
export function go(target) {
  location.hash = target;
}

/** Change the address without leaving the view or adding a step to go back to. */
export function replace(target) {
  history.replaceState(history.state, "", target);
}
