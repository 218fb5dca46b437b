// A report's JSON -> what the parts of the page share: values in the order of the network, and who makes them.

const WEIGHT = ['passed', 'noise', 'failed', 'broken'];
const TONE = { passed: 'good', noise: 'warn', failed: 'bad', broken: 'bad' };
const STATUS = { passed: 'agrees', noise: 'no more than rounding', failed: 'differs', broken: 'not comparable' };

/** The engines that have layers, as the page orders and calls them: [place in the report, name]. */
function enginesOf(report, told) {
  const plain = told.map(([, label]) => label);
  return told.map(([place, label]) => {
    const { model, layers } = report.rows[place];
    return { label: plain.filter((one) => one === label).length > 1 ? `${label}, ${base(model)}` : label, layers, edges: layers && layers.histogram_edges };
  }).filter((engine) => engine.layers);
}

function makeModel(report, told) {
  const engines = enginesOf(report, told);
  const nodes = report.graph && report.graph.onnx ? report.graph.onnx.nodes : [];
  const layers = report.graph && report.graph.caffe ? report.graph.caffe.layers : [];
  const values = collect(engines);
  const order = new Map();
  nodes.forEach((node) => node.outputs.forEach((name) => order.set(name, order.size)));
  const compared = [...values.values()];
  if (order.size) compared.sort((a, b) => (order.get(a.name) ?? -1) - (order.get(b.name) ?? -1));
  compared.forEach((value, index) => { value.index = index; });
  return {
    report, engines, nodes, layers, values, compared,
    rows: allRows(report, engines, values, compared, order),
    ofNode: makers(compared, 'nodes'),
    ofLayer: makers(compared, 'layers'),
    nodeById: new Map(nodes.map((node) => [node.id, node])),
    layerById: new Map(layers.map((layer) => [layer.id, layer])),
    reference: report.reference.runtime,
  };
}

/** Every value that some engine was compared at; `found[i]` is what engine i said of it. */
function collect(engines) {
  const values = new Map();
  engines.forEach((engine, place) => engine.layers.layers.forEach((layer) => {
    if (!values.has(layer.name)) values.set(layer.name, { name: layer.name, found: engines.map(() => null), any: layer });
    values.get(layer.name).found[place] = layer;
  }));
  for (const value of values.values()) {
    const told = value.found.filter(Boolean);
    value.any = told.find((layer) => layer.layers.length) || told[0];
    value.status = WEIGHT[Math.max(...told.map((layer) => WEIGHT.indexOf(layer.status)))];
    value.far = told.some((layer) => layer.required_tolerance === null) ? null : Math.max(...told.map((layer) => layer.required_tolerance));
  }
  return values;
}

/** Node or layer -> the first compared value that it helps to make. */
function makers(compared, side) {
  const found = new Map();
  compared.forEach((value) => value.any[side].forEach((id) => { if (!found.has(id)) found.set(id, value); }));
  return found;
}

/** The rows of the conversion map: compared values, and the rest with the reason why not. */
function allRows(report, engines, values, compared, order) {
  const reasons = new Map();
  engines.forEach((engine) => engine.layers.skipped.forEach((one) => { if (!reasons.has(one.value)) reasons.set(one.value, one.reason); }));
  const blobs = (report.conversion && report.conversion.blobs) || {};
  const inputs = report.inputs.map((one) => one.name);
  const names = new Set([...inputs, ...order.keys(), ...compared.map((value) => value.name), ...reasons.keys(), ...Object.keys(blobs)]);
  return [...names].map((name, place) => {
    const value = values.get(name) || null;
    const reason = value ? '' : inputs.includes(name) ? 'input of the network' : reasons.get(name) || 'not compared';
    const blob = value ? value.any.blob : Object.prototype.hasOwnProperty.call(blobs, name) ? blobs[name] : '';
    return { name, place, value, blob, reason };
  });
}

/** What "conv1@1" is: Caffe layers may write over a blob, and then its name alone is the last of its contents. */
function earlier(name) {
  const [, blob, number] = /^(.+)@(\d+)$/.exec(name) || [];
  if (!blob) return '';
  const place = number === '0' ? 'before any layer has written it' : `after the ${ordinal(Number(number))} layer that writes it`;
  return `${name} is blob ${blob} ${place}; a later layer writes over it (in place).`;
}
const ordinal = (number) => `${number}${(number % 100 - number % 10 !== 10 && { 1: 'st', 2: 'nd', 3: 'rd' }[number % 10]) || 'th'}`;

const made = (layer) => [layer.ops, layer.types].filter((kinds) => kinds.length).map((kinds) => kinds.join(' + ')).join(' → ');
const sizes = (shape) => shape.join(' × ') || 'scalar';
