// What stands around every page: the theme, the button that saves the numbers, a word where a script fails.

function themes(redraw) {
  const button = document.getElementById('theme');
  const root = document.documentElement;
  const order = ['system', 'light', 'dark'];
  const tell = () => { button.textContent = `Theme: ${root.dataset.theme || 'system'}`; };
  button.addEventListener('click', () => {
    const next = order[(order.indexOf(root.dataset.theme || 'system') + 1) % order.length];
    if (next === 'system') delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem('parity-theme', next); } catch (error) { /* the choice lasts as long as the page */ }
    tell();
    redraw();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  tell();
}

function saving(text) {
  const button = document.getElementById('save');
  button.addEventListener('click', () => {
    const link = h('a', { href: URL.createObjectURL(new Blob([text], { type: 'application/json' })), download: button.dataset.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

/** Run the page's own script and mark the page as ready. */
function begin(start) {
  start().then(() => {
    document.documentElement.dataset.ready = Math.round(performance.now()); // milliseconds since it was opened
  }).catch((error) => {
    const place = document.getElementById('trouble');
    place.textContent = `The details can't be shown: ${error.message}. A browser of 2023 or later is needed.`;
    place.hidden = false;
  });
}
