// ONNX nodes and Caffe layers side by side. Rows are aligned by what became what; arcs are data that skips rows.

const ROW = 28;
const BOX = 24;

/** A row for every node and layer: each compared value's nodes and layers start on the same row. */
function placed(model) {
  const left = new Map();
  const right = new Map();
  const nodePlace = new Map(model.nodes.map((node, place) => [node.id, place]));
  const layerPlace = new Map(model.layers.map((layer, place) => [layer.id, place]));
  const freeNodes = model.nodes.filter((node) => !model.ofNode.has(node.id)).map((node) => node.id);
  const freeLayers = model.layers.filter((layer) => !model.ofLayer.has(layer.id)).map((layer) => layer.id);
  let row = 0;
  const put = (ids, side) => ids.forEach((id, i) => side.set(id, row + i));
  const before = (free, order, limit) => { let n = 0; while (n < free.length && order.get(free[n]) < limit) n++; return free.splice(0, n); };
  const block = (nodes, layers) => {
    put(nodes, left);
    put(layers, right);
    row += Math.max(nodes.length, layers.length);
  };
  for (const value of model.compared) {
    const nodes = value.any.nodes.filter((id) => nodePlace.has(id) && !left.has(id) && model.ofNode.get(id) === value);
    const layers = value.any.layers.filter((id) => layerPlace.has(id) && !right.has(id) && model.ofLayer.get(id) === value);
    const firstNode = nodes.length ? nodePlace.get(nodes[0]) : -1;
    const firstLayer = layers.length ? layerPlace.get(layers[0]) : -1;
    block(before(freeNodes, nodePlace, firstNode), before(freeLayers, layerPlace, firstLayer));
    block(nodes, layers);
  }
  block(freeNodes, freeLayers);
  return { left, right, rows: row };
}

/** Producer -> consumer within one side, by the rows they stand on. */
function edges(steps, rows, reads, writes) {
  const maker = new Map();
  steps.forEach((step) => writes(step).forEach((name) => maker.set(name, step.id)));
  return steps.flatMap((step) => reads(step).filter((name) => maker.has(name)).map((name) => ({ from: maker.get(name), to: step.id })))
    .map((edge) => ({ ...edge, top: rows.get(edge.from), end: rows.get(edge.to) }));
}

function arc(edge, width, leftwards) {
  const y1 = edge.top * ROW + BOX / 2;
  const y2 = edge.end * ROW + BOX / 2;
  const reach = Math.min(width - 3, 6 + 4 * Math.sqrt(Math.abs(edge.end - edge.top)));
  const x = leftwards ? width : 0;
  const bend = leftwards ? width - reach * 1.3 : reach * 1.3;
  return `M${x},${y1}C${bend},${y1} ${bend},${y2} ${x},${y2}`;
}

function ribbon(rowsLeft, rowsRight, width) {
  const [a, b] = [Math.min(...rowsLeft) * ROW, Math.max(...rowsLeft) * ROW + BOX];
  const [c, d] = [Math.min(...rowsRight) * ROW, Math.max(...rowsRight) * ROW + BOX];
  const half = width / 2;
  return `M0,${a}C${half},${a} ${half},${c} ${width},${c}L${width},${d}C${half},${d} ${half},${b} 0,${b}Z`;
}

/** "/layer1/conv1/Conv_output_0" made by a Conv is "/layer1/conv1": what an exporter adds says nothing. */
function label(node) {
  const short = node.id.replace(/_output_\d+$/, '');
  return short.endsWith(`/${node.op}`) && short.length > node.op.length + 1 ? short.slice(0, -node.op.length - 1) : short;
}

function makeGraph(view, section, show) {
  const { model } = view;
  const graph = model.report.graph;
  const { left, right, rows } = placed(model);
  const wide = 44;
  const gap = 56;
  const height = Math.max(1, rows * ROW);
  const steps = new Map();

  const box = (side, item, rowOf) => {
    const value = (side === 'node' ? model.ofNode : model.ofLayer).get(item.id) || null;
    const kind = side === 'node' ? item.op : item.type;
    const ends = value && value.any[side === 'node' ? 'nodes' : 'layers'].at(-1) === item.id;
    const tone = value ? TONE[value.status] : 'mute';
    const element = h('button', {
      type: 'button', class: 'step', tabindex: -1, 'data-tone': tone, style: `top:${rowOf.get(item.id) * ROW}px`, title: `${kind} ${item.id}`,
      'aria-label': `${side === 'node' ? 'ONNX' : 'Caffe'} ${kind} ${item.id}, ${value ? STATUS[value.status] : 'not compared'}`,
      onclick: (event) => show(view, { id: item.id, [side]: item, value }, event.currentTarget),
    }, h('span', { class: 'kind' }, kind), h('span', { class: 'name' }, h('bdi', {}, side === 'node' ? label(item) : item.id)),
    ends ? h('span', { class: 'far' }, value.far === null ? 'broken' : figure(value.far)) : null);
    const text = [kind, item.id, item.name, item.module, item.params, ...(side === 'node' ? item.outputs : item.tops)].filter(Boolean).join('\n').toLowerCase();
    steps.set(`${side}:${item.id}`, { element, side, item, value, row: rowOf.get(item.id), text });
    return element;
  };
  const nodes = h('div', { class: 'column' }, model.nodes.map((node) => box('node', node, left)));
  const layers = h('div', { class: 'column' }, model.layers.map((layer) => box('layer', layer, right)));

  const flows = [
    ...edges(model.nodes, left, (node) => node.inputs, (node) => node.outputs).map((edge) => ({ ...edge, side: 'node' })),
    ...edges(model.layers, right, (layer) => layer.bottoms, (layer) => layer.tops).map((edge) => ({ ...edge, side: 'layer' })),
  ];
  const arcs = (side) => s('svg', { class: 'arcs', viewBox: `0 0 ${wide} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    flows.filter((flow) => flow.side === side).map((flow) => { flow.path = s('path', { d: arc(flow, wide, side === 'node') }); return flow.path; }));
  const ribbons = s('svg', { class: 'ribbons', viewBox: `0 0 ${gap} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const bands = new Map();
  for (const value of model.compared) {
    const own = (ids, of, rowOf) => { const mine = ids.filter((id) => of.get(id) === value && rowOf.has(id)); return (mine.length ? mine : ids.filter((id) => rowOf.has(id))).map((id) => rowOf.get(id)); };
    const from = own(value.any.nodes, model.ofNode, left);
    const to = own(value.any.layers, model.ofLayer, right);
    if (!from.length || !to.length) continue;
    const band = s('path', { d: ribbon(from, to, gap), 'data-tone': TONE[value.status] });
    bands.set(value, band);
    ribbons.append(band);
  }

  const body = h('div', { class: 'graph-body', style: `height:${height}px` }, arcs('node'), nodes, ribbons, layers, arcs('layer'));
  const frame = h('div', { class: 'graph', role: 'group', 'aria-label': 'ONNX nodes and Caffe layers; the arrow keys move among them, left and right to the other side' },
    h('div', { class: 'graph-head' }, h('span', {}, graph.onnx ? `ONNX: ${base(graph.onnx.file)}, ${plural(model.nodes.length, 'node')}` : 'no ONNX graph'), h('span', {}, graph.caffe ? `Caffe: ${base(graph.caffe.file)}, ${plural(model.layers.length, 'layer')}` : 'no Caffe graph')), body);
  section.append(searchBar(steps, frame), frame,
    h('ul', { class: 'legend' }, [['good', 'agrees'], ['warn', 'no more than rounding'], ['bad', 'differs'], ['mute', 'not compared']].map(([tone, text]) => h('li', { 'data-tone': tone }, text))),
    ...[explained(model.layers.flatMap((layer) => layer.tops))].filter(Boolean));

  const all = [...steps.values()];
  const only = roving(body, '.step', (button, key) => across(all, button, key));
  if (all.length) only(all[0].element);
  return {
    mark(target) {
      body.querySelectorAll('.on, .near').forEach((one) => one.classList.remove('on', 'near'));
      const chosen = target.node ? steps.get(`node:${target.node.id}`) : target.layer ? steps.get(`layer:${target.layer.id}`) : null;
      const value = target.value;
      if (value) {
        value.any.nodes.forEach((id) => mark(steps.get(`node:${id}`), 'near'));
        value.any.layers.forEach((id) => mark(steps.get(`layer:${id}`), 'near'));
        if (bands.has(value)) bands.get(value).classList.add('on');
      }
      mark(chosen, 'on');
      const ids = new Set([...(chosen ? [`${chosen.side}:${chosen.item.id}`] : []), ...(value && !chosen ? [...value.any.nodes.map((id) => `node:${id}`), ...value.any.layers.map((id) => `layer:${id}`)] : [])]);
      flows.forEach((flow) => { if (ids.has(`${flow.side}:${flow.from}`) || ids.has(`${flow.side}:${flow.to}`)) flow.path.classList.add('on'); });
      const first = chosen || (value && (steps.get(`node:${value.any.nodes[0]}`) || steps.get(`layer:${value.any.layers[0]}`)));
      if (first) reveal(frame, first.element);
    },
  };
}

/** A line on names such as "conv1@1", with one of the page's own, where there are any. */
function explained(names) {
  const one = names.find(earlier);
  return one ? h('p', { class: 'small versions' }, h('b', {}, 'Names with @'), earlier(one)) : null;
}

const mark = (step, word) => { if (step) step.element.classList.add(word); };

/** Scrolls the frame alone, not the page, and only where the element is not wholly in sight. */
function reveal(frame, element) {
  const head = frame.firstElementChild.offsetHeight;
  const { top, bottom } = element.getBoundingClientRect();
  const box = frame.getBoundingClientRect();
  if (top < box.top + head || bottom > box.bottom) frame.scrollTop += top - box.top - frame.clientHeight / 2;
}

/** Up and down within a column; left and right to what it became, or to the nearest row. */
function across(all, button, key) {
  const here = all.find((step) => step.element === button);
  const column = all.filter((step) => step.side === here.side).sort((a, b) => a.row - b.row);
  const place = column.indexOf(here);
  if (key === 'ArrowDown' || key === 'ArrowUp') return (column[place + (key === 'ArrowDown' ? 1 : -1)] || here).element;
  if (key === 'Home' || key === 'End') return column.at(key === 'Home' ? 0 : -1).element;
  if ((key === 'ArrowRight') === (here.side === 'node') && (key === 'ArrowRight' || key === 'ArrowLeft')) {
    const others = all.filter((step) => step.side !== here.side);
    const kin = others.filter((step) => here.value && step.value === here.value);
    const near = (kin.length ? kin : others).sort((a, b) => Math.abs(a.row - here.row) - Math.abs(b.row - here.row))[0];
    return (near || here).element;
  }
  return null;
}

function searchBar(steps, frame) {
  let hits = [];
  let place = -1;
  const count = h('output', { 'aria-live': 'polite' });
  const tell = () => { count.textContent = !input.value.trim() ? '' : hits.length ? (place < 0 ? plural(hits.length, 'match').replace('matchs', 'matches') : `${place + 1} of ${hits.length}`) : 'no match'; };
  const go = (by) => {
    if (!hits.length) return;
    place = (place + by + hits.length) % hits.length;
    reveal(frame, hits[place].element);
    hits.forEach((step, i) => step.element.classList.toggle('near', i === place));
    tell();
  };
  const input = h('input', {
    type: 'search', autocomplete: 'off', spellcheck: 'false',
    oninput: () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      hits = words.length ? [...steps.values()].filter((step) => words.every((word) => step.text.includes(word))).sort((a, b) => a.row - b.row) : [];
      frame.classList.toggle('searching', words.length > 0);
      steps.forEach((step) => step.element.classList.remove('hit', 'near'));
      hits.forEach((step) => step.element.classList.add('hit'));
      place = -1;
      if (hits.length) reveal(frame, hits[0].element);
      tell();
    },
    onkeydown: (event) => { if (event.key === 'Enter') { event.preventDefault(); go(event.shiftKey ? -1 : 1); } },
  });
  return h('div', { class: 'filters' }, h('label', {}, 'Search nodes and layers ', input),
    h('button', { type: 'button', onclick: () => go(-1) }, 'Previous'), h('button', { type: 'button', onclick: () => go(1) }, 'Next'), count);
}
