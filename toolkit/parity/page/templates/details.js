// The panel with everything about one value, node or layer. What was clicked stays where it was, or comes out from under it.

function makeDetails(show) {
  const panel = document.getElementById('details');
  const title = document.getElementById('details-title');
  const body = document.getElementById('details-body');
  let back = null;

  function close() {
    if (panel.hidden) return;
    holding(back, () => { panel.hidden = true; });
    if (back && back.isConnected) back.focus({ preventScroll: true });
    back = null;
  }
  document.getElementById('details-close').addEventListener('click', close);
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });

  function open(view, target, origin) {
    if (origin && !panel.contains(origin)) back = origin;
    title.textContent = target.id;
    body.replaceChildren(...content(view.model, target, (next) => show(view, next)));
    holding(origin && !panel.contains(origin) ? origin : back, () => { panel.hidden = false; });
    panel.scrollTop = 0;
    title.focus({ preventScroll: true });
  }
  return { open, close };
}

/** Do what changes the page's width or covers a part of it; the element stays in its place, and in sight. */
function holding(element, change) {
  const kept = element && element.isConnected && element.getClientRects().length ? element : null;
  const before = kept && kept.getBoundingClientRect().top;
  change();
  if (!kept) return;
  window.scrollBy({ top: kept.getBoundingClientRect().top - before, behavior: 'instant' });
  const panel = document.getElementById('details');
  const sheet = panel.hidden ? null : panel.getBoundingClientRect();
  const floor = sheet && sheet.top > 0 ? sheet.top : window.innerHeight;
  const { bottom } = kept.getBoundingClientRect();
  if (bottom > floor - 8) window.scrollBy({ top: bottom - floor / 2, behavior: 'instant' });
}

function content(model, target, go) {
  const { node, layer, value } = target;
  const parts = [];
  if (node) parts.push(pairs({ 'ONNX operator': node.op, Name: node.name, Module: node.module, Source: node.source, Reads: node.inputs.join(', '), Writes: node.outputs.join(', ') }));
  if (layer) parts.push(pairs({ 'Caffe layer': layer.type, Parameters: layer.params, Bottoms: layer.bottoms.join(', '), Tops: layer.tops.join(', '), 'Names with @': [...layer.bottoms, ...layer.tops].map(earlier).filter(Boolean).join(' ') }));
  if (!value) {
    parts.push(h('p', { class: 'small' }, 'No compared value is made here.'));
    return parts;
  }
  if (node || layer) parts.push(h('h3', {}, 'Helps to make ', h('code', {}, value.name)));
  return [...parts, ...valueParts(model, value, go)];
}

function valueParts(model, value, go) {
  const any = value.any;
  const reasons = [...new Set(value.found.filter(Boolean).flatMap((layer) => layer.reasons))];
  const parts = [
    h('p', {}, h('span', { class: 'pill', 'data-tone': TONE[value.status] }, STATUS[value.status])),
    pairs({ 'Caffe blob': any.blob, 'Names with @': earlier(any.blob), Shape: sizes(any.shape), 'Made by': made(any), Source: any.source, Channels: any.permuted ? 'in another order in Caffe; undone before comparing' : '' }),
  ];
  if (reasons.length) parts.push(h('ul', {}, reasons.map((reason) => h('li', {}, reason))));
  parts.push(numbers(model, value));
  model.engines.forEach((engine, place) => {
    const layer = value.found[place];
    if (layer && layer.histogram) parts.push(h('h3', {}, `Differences in ${engine.label}`), bars(layer, engine.edges), axis(engine.edges));
  });
  parts.push(...list('ONNX nodes', any.nodes, (id) => ({ node: model.nodeById.get(id) }), (one) => one.node && one.node.op, go));
  parts.push(...list('Caffe layers', any.layers, (id) => ({ layer: model.layerById.get(id) }), (one) => one.layer && `${one.layer.type}${one.layer.params ? ` (${one.layer.params})` : ''}`, go));
  parts.push(...list('Reads', any.parents, (id) => ({ value: model.values.get(id) }), () => '', go));
  const step = (by, text) => {
    const next = model.compared[value.index + by];
    return h('button', { type: 'button', disabled: !next, onclick: () => go({ id: next.name, value: next }) }, text);
  };
  parts.push(h('div', { class: 'tools' }, step(-1, 'Previous layer'), step(1, 'Next layer')));
  return parts;
}

function pairs(entries) {
  const told = Object.entries(entries).filter(([, text]) => text);
  return h('dl', { class: 'pairs' }, told.map(([label, text]) => [h('dt', {}, label), h('dd', {}, text)]));
}

function numbers(model, value) {
  const lines = [
    ['Relative to the largest', (layer) => figure(layer.required_tolerance, 3)], ['Allowed', (layer) => figure(layer.tolerance)],
    ['Max difference', (layer) => figure(layer.max_abs, 3)], ['Mean difference', (layer) => figure(layer.mean_abs, 3)],
    ['Largest value', (layer) => figure(layer.max_reference, 3)], ['Cosine', (layer) => figure(layer.cosine, 9)],
    ['Reference’s own noise', (layer) => figure(layer.noise)], ['Time', (layer) => milliseconds(layer.seconds)],
    [`Time in ${model.reference}`, (layer) => milliseconds(layer.reference_seconds)],
  ];
  const cells = (tell) => value.found.map((layer) => h('td', { class: 'n' }, layer ? tell(layer) : '–'));
  return h('table', {},
    h('thead', {}, h('tr', {}, h('td', {}), model.engines.map((engine) => h('th', { scope: 'col', class: 'n' }, engine.label)))),
    h('tbody', {}, lines.map(([label, tell]) => h('tr', {}, h('th', { scope: 'row' }, label), cells(tell)))));
}

function list(label, ids, find, note, go) {
  if (!ids.length) return [];
  const item = (id) => {
    const found = find(id);
    const known = Object.values(found)[0];
    const text = note(found);
    const name = known ? h('button', { type: 'button', class: 'link', onclick: () => go({ id, ...found }) }, id) : h('code', {}, id);
    return h('li', {}, name, text ? ` ${text}` : null);
  };
  return [h('h3', {}, label), h('ul', {}, ids.map(item))];
}

/** A histogram over logarithmic bins. The first bin, which also holds exact zeros, is told in words instead. */
function bars(layer, edges) {
  const counts = layer.histogram;
  const most = Math.max(1, ...counts.slice(1));
  const width = 100 / counts.length;
  const drawn = counts.map((count, i) => (i && count ? s('rect', { x: i * width, width: width * 0.86, y: 60 - (58 * count) / most, height: (58 * count) / most }) : null));
  const at = 100 * along10(edges, layer.tolerance);
  const limit = layer.tolerance > 0 ? s('line', { x1: at, x2: at, y1: 0, y2: 60 }) : null;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const label = `histogram of ${total} differences; ${exactly(layer)}`;
  return s('svg', { class: 'bars', viewBox: '0 0 100 60', preserveAspectRatio: 'none', role: 'img', 'aria-label': label, 'data-tone': TONE[layer.status] }, drawn, limit);
}

function exactly(layer) {
  const total = layer.histogram.reduce((sum, count) => sum + count, 0);
  return `${figure((100 * layer.histogram[0]) / total)} % exact`;
}

/** Where a number lies between the first and the last edge, from 0 to 1. */
const along10 = (edges, number) => Math.log10(number / edges[0]) / Math.log10(edges.at(-1) / edges[0]);

function axis(edges) {
  const ticks = [edges[0], 1e-8, 1e-4, edges.at(-1)];
  return h('span', { class: 'axis', 'aria-hidden': 'true' }, ticks.map((tick) => h('span', { style: `left:${100 * along10(edges, tick)}%` }, figure(tick, 1))));
}
