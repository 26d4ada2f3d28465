// JSON calls to the API with the session's cookie.

import { gettext } from "./i18n.js";

const PATIENCE = 20_000; // ms

export class Problem extends Error {
  /** status 0: no answer came. retryAfter: seconds, if the server asked for a pause. */
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** The network, the server's state or its limits were in the way: the same call may succeed later. */
  get passes() {
    return this.status === 0 || this.status >= 500 || [408, 425, 429].includes(this.status);
  }

  get sessionEnded() {
    return this.status === 401 || this.status === 403;
  }
}

/** call(method, url, body, more) resolves to the answer's JSON, or throws a Problem; `more` is fetch's, and
 *  `answered` in it is told the response. */
export function apiWith(csrfToken) {
  return async function call(method, url, body, more = {}) {
    let response, text;
    try {
      response = await fetch(url, {
        method,
        headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken },
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
        ...more,
      });
      text = await response.text();
      more.answered?.(response);
    } catch {
      throw new Problem(0, gettext("The server cannot be reached."));
    }
    const answer = parsed(text);
    if (response.ok) return answer;
    throw new Problem(response.status, sentenceIn(answer), Number(response.headers.get("Retry-After")) || 0);
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Errors are {"detail": "…"} or {"field": ["…"]}. */
function sentenceIn(answer) {
  const first = answer && Object.values(answer)[0];
  return String((Array.isArray(first) ? first[0] : first) ?? gettext("The server has refused this."));
}
