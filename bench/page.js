// What the compare page does to a person's patience, measured from inside; bench/page.py reads it.
//
// A vote's time runs from the key's own time stamp, which the browser sets when the key goes down, to the
// second animation frame after two other pictures have taken their places, all of them decoded. By then the
// frame that shows them has been handed to the screen: so it is an upper bound, by up to one frame (17 ms).

{
  const measured = { votes: [], events: [], shift: 0, long: [], first: null };
  let pressed = null;
  let before = "";
  window.measured = measured;

  const pictures = () => [...document.querySelectorAll("#left img, #right img")];
  const there = (shown) => shown.length === 2 && shown.every((image) => image.complete && image.naturalWidth);
  const named = (shown) => shown.map((image) => image.currentSrc || image.src).join();

  addEventListener("keydown", (event) => {
    pressed = event.timeStamp;
    before = named(pictures());
  }, true);

  const look = () => {
    const shown = pictures();
    if (!there(shown)) return;
    if (pressed !== null && named(shown) !== before) {
      const from = pressed;
      pressed = null;
      painted((at) => measured.votes.push(at - from));
    } else if (measured.first === null) {
      measured.first = 0;
      painted((at) => (measured.first = at));
    }
  };
  const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));

  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  });
  document.addEventListener("load", look, true); // of an image that was put there before it had come

  const observe = (type, each, more = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...more });
  // Every shift counts, also those after a key, which browsers forgive a page in their own sum.
  observe("layout-shift", (entry) => (measured.shift += entry.value));
  observe("longtask", (entry) => measured.long.push(entry.duration));
  // The browser's own measure of a key, in steps of 8 ms and from 16 ms on, as a second opinion.
  observe("event", (entry) => entry.name === "keydown" && measured.events.push(entry.duration), {
    durationThreshold: 16,
  });
}
