// Elements, numbers and what is packed in the page. Text goes in as text: no name is ever parsed as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function figure(value, digits = 2) {
  if (value === null || value === undefined) return '–';
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6)) {
    const [mantissa, power] = value.toExponential(digits - 1).split('e');
    return `${Number(mantissa)}e${Number(power)}`;
  }
  return String(Number(value.toPrecision(digits)));
}
const milliseconds = (value) => (value === null || value === undefined ? '–' : `${figure(value * 1000, 3)} ms`);
const base = (path) => path.replace(/\\/g, '/').replace(/\/+$/, '').split('/').pop() || path;
const plural = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

async function unpack(id) {
  const text = atob(document.getElementById(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

let library = null;
/** Plotly, unpacked and run once. */
function plotly() {
  library ??= unpack('plotly').then((source) => {
    const script = document.createElement('script');
    script.textContent = source;
    document.head.append(script);
    if (!window.Plotly) throw new Error('the plots could not be unpacked');
    return window.Plotly;
  });
  return library;
}

/** One stop of the Tab key for many buttons; the arrows move among them. `step(button, key)` says where to. */
function roving(container, selector, step) {
  const all = () => [...container.querySelectorAll(selector)].filter((one) => one.offsetParent !== null);
  const only = (button) => {
    container.querySelectorAll(`${selector}[tabindex="0"]`).forEach((one) => one.setAttribute('tabindex', -1));
    button.setAttribute('tabindex', 0);
  };
  container.addEventListener('focusin', (event) => {
    const button = event.target.closest(selector);
    if (button) only(button);
  });
  container.addEventListener('keydown', (event) => {
    const button = event.target.closest(selector);
    if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = step(button, event.key, all);
    if (!next) return;
    event.preventDefault();
    only(next);
    next.focus();
    next.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  return only;
}

/** Up, down, Home and End in a list. */
function along(button, key, list) {
  const buttons = list();
  const place = buttons.indexOf(button);
  const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 }[key];
  return to === undefined ? null : buttons[Math.max(0, Math.min(buttons.length - 1, to))];
}
