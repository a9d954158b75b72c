// Numbers, dates and names as people read them.

const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const SHORT_DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });
const NUMBER = new Intl.NumberFormat("en");
const MOST_AUTHORS = 3;

/** 426 as "426", 91451 as "91,451". */
export const number = (value) => NUMBER.format(value);

/** "1 paper", "2 papers". */
export const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** An ISO day or month as a date; the calendar has no time zone. */
export const toDate = (iso) => new Date(`${iso.length === 7 ? `${iso}-01` : iso}T00:00:00Z`);

/** "27 July 2023" in the order of the language. */
export const day = (iso) => DAY.format(toDate(iso));

export const shortDay = (iso) => SHORT_DAY.format(toDate(iso));

/** "July 2023". */
export const month = (iso) => MONTH.format(toDate(iso));

/** A day, a month, or a range, as the digest names it. */
export function period(name) {
  if (name.includes("/"))
    return name
      .split("/")
      .map((end) => (end ? shortDay(end) : "…"))
      .join(" – ");
  return name.length === 7 ? month(name) : day(name);
}

/** "Ada Lovelace, Alan Turing and 3 others", or how many where there are no names. */
export function authors(paper) {
  const names = paper.authors || [];
  const all = Math.max(paper.n_authors || 0, names.length);
  if (!names.length) return all ? counted(all, "author") : "";
  if (all <= MOST_AUTHORS) return names.join(", ");
  return `${names.slice(0, MOST_AUTHORS - 1).join(", ")} and ${counted(all - MOST_AUTHORS + 1, "other")}`;
}

/** What is known of a paper beside its title, in the order in which it is told. */
export function facts(paper) {
  return [
    paper.published && shortDay(paper.published),
    paper.listed && paper.listed !== paper.published && `listed ${shortDay(paper.listed)}`,
    authors(paper),
    paper.upvotes ? counted(paper.upvotes, "upvote") : "",
    paper.comments ? counted(paper.comments, "comment") : "",
  ].filter(Boolean);
}

/** A time as "today, 14:05" or a short day. */
export function moment(iso) {
  const then = new Date(iso);
  if (Number.isNaN(then.getTime())) return "";
  const time = then.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  return then.toDateString() === new Date().toDateString() ? `today, ${time}` : SHORT_DAY.format(then);
}

/** A topic by its first terms. */
export const topicName = (topic, terms) =>
  topic.terms.length ? topic.terms.slice(0, terms).join(", ") : "without a name";
