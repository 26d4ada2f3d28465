// Translated sentences. The page carries the catalogue of its language as JSON, {msgid: "…" or ["one", "many"]};
// what is not in it is said in English.

const element = document.getElementById("catalogue");
const catalogue = element ? JSON.parse(element.textContent) : {};
const plural = new Intl.PluralRules(document.documentElement.lang || "en");
// The forms of a language in the order in which gettext has them.
const categories = ["zero", "one", "two", "few", "many", "other"].filter((category) =>
  plural.resolvedOptions().pluralCategories.includes(category),
);

/** `text` in the page's language; names in it, as %(name)s, are replaced by `values`. */
export function gettext(text, values = {}) {
  return filled(catalogue[text] ?? text, values);
}

/** The same for a number, which is %(count)s in the sentence. */
export function ngettext(one, many, count, values = {}) {
  const forms = catalogue[one] ?? [one, many];
  return filled(forms[categories.indexOf(plural.select(count))] ?? forms.at(-1), { count, ...values });
}

function filled(text, values) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);
}
