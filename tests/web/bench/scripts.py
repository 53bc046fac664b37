"""Scripts that run in the page, which alone knows when an element has been painted."""

_NEXT = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"

PAINTED = f"""async (selector) => {{
  while (document.querySelector(selector) === null) await {_NEXT};
  await {_NEXT};
  return performance.now();
}}"""
"""Returns when an element that a selector finds was painted, in milliseconds of the page."""

SHOWN = f"""async ([selector, words]) => {{
  const isThere = () => [...document.querySelectorAll(selector)]
    .some((element) => element.textContent.includes(words));
  while (!isThere()) await {_NEXT};
  await {_NEXT};
}}"""
"""Returns once an element with these words was painted."""

OPEN = f"""async (index) => {{
  const link = document.querySelectorAll("nav a[href^='/c/']")[index];
  const name = link.querySelector('bdi').textContent;
  const began = performance.now();
  link.click();
  const isOpen = () => document.querySelector('main h1')?.textContent === name &&
    document.querySelector('main article[data-seq]') !== null;
  while (!isOpen()) await {_NEXT};
  await {_NEXT};
  return performance.now() - began;
}}"""
"""Opens a conversation of the list; returns the time until its messages were painted."""

KEYS = """() => {
  window.keyTimes = [];
  addEventListener('keydown', (event) => {
    const began = event.timeStamp;
    requestAnimationFrame(() => setTimeout(() => window.keyTimes.push(performance.now() - began)));
  }, true);
}"""
"""Records how long every key press takes until the next frame."""

SENT = """() => {
  addEventListener('keydown', () => {
    window.enteredAt = performance.timeOrigin + performance.now();
  }, { capture: true, once: true });
}"""
"""Records when the next key is pressed, on the clock of the machine."""

RECEIVED = f"""async (text) => {{
  const isThere = () => [...document.querySelectorAll('main article')]
    .some((article) => article.textContent.includes(text));
  while (!isThere()) await {_NEXT};
  await {_NEXT};
  return performance.timeOrigin + performance.now();
}}"""
"""Returns when a message was painted, on the clock of the machine."""

SCROLL = f"""async () => {{
  const scroller = document.querySelector('main [role="region"]');
  const frames = [];
  const began = performance.now();
  const isAtBeginning = () => document.querySelector('article[data-seq="1"]') !== null;
  for (let last = began; !isAtBeginning();) {{
    scroller.scrollTop -= 600;
    await {_NEXT};
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }}
  return {{ frames, total: performance.now() - began }};
}}"""
"""Scrolls up to the first message; returns the time of every frame and the total time."""
