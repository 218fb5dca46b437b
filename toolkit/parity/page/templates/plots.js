// Error and time per layer as Plotly plots; histograms of the worst layers as small tiles.

function byLayer(paint, title) {
  const look = layout(paint);
  return { ...look, xaxis: { ...look.xaxis, title: { text: 'layer, from the input to the output', standoff: 8 } }, yaxis: { ...look.yaxis, title: { text: title } } };
}

function errorFigure(model) {
  const paint = colours();
  const told = model.engines.flatMap((engine) => engine.layers.layers).map((layer) => layer.required_tolerance).filter((need) => need !== null);
  const top = Math.max(1, ...told);
  const least = Math.min(1e-6, model.report.tolerance || 1, ...told.filter((need) => need > 0));
  const floor = 10 ** (Math.floor(Math.log10(least)) - 1); // exact zeros have no place on a logarithmic axis: they are drawn here
  const points = model.engines.flatMap((engine) => engine.layers.layers).length;
  const traces = model.engines.map((engine, place) => {
    const points = model.compared.filter((value) => value.found[place]);
    const layers = points.map((value) => value.found[place]);
    const colour = paint.engines[place % paint.engines.length];
    const tints = { passed: colour, noise: paint.warn, failed: paint.bad, broken: paint.bad };
    return {
      name: plain(engine.label), type: 'scatter', mode: 'lines+markers', x: points.map((value) => value.index),
      y: layers.map((layer) => (layer.required_tolerance === null ? top : Math.max(layer.required_tolerance, floor))),
      line: { color: colour, width: 1 },
      marker: { color: layers.map((layer) => tints[layer.status]), size: layers.map((layer) => (layer.status === 'passed' ? 6 : 9)), symbol: layers.map((layer) => (layer.status === 'passed' ? ['circle', 'square', 'diamond', 'cross'][place % 4] : 'x')) },
      text: points.map((value, i) => `<b>${short(value.name)}</b><br>${short(made(value.any))}<br>${plain(engine.label)}: ${layers[i].required_tolerance === null ? 'not comparable' : figure(layers[i].required_tolerance, 3)} (${STATUS[layers[i].status]})`),
      hovertemplate: '%{text}<extra></extra>',
    };
  });
  const noise = model.compared.filter((value) => value.any.noise > 0);
  if (noise.length) traces.push({ name: 'reference’s own noise', type: 'scatter', mode: 'lines', x: noise.map((value) => value.index), y: noise.map((value) => value.any.noise), line: { color: paint.reference, width: 1, dash: 'dot' }, hoverinfo: 'skip' });
  const look = byLayer(paint, 'difference / largest value');
  const limit = model.report.tolerance;
  look.yaxis = { ...look.yaxis, type: 'log', ...decades(floor, Math.max(limit, ...told, told.length < points ? top : 0), told.includes(0)) };
  if (limit > 0) {
    look.shapes = [{ type: 'line', xref: 'paper', x0: 0, x1: 1, y0: limit, y1: limit, line: { color: paint.bad, width: 1.2, dash: 'dash' } }];
    look.annotations = [{ xref: 'paper', x: 1, xanchor: 'right', y: Math.log10(limit), yanchor: 'bottom', text: `allowed: ${figure(limit)}`, showarrow: false, font: { color: paint.bad } }];
  }
  return [traces, look];
}

/** Ticks at powers of ten; the lowest one stands for exactly equal. */
function decades(floor, top, exact) {
  const low = Math.round(Math.log10(floor));
  const high = Math.ceil(Math.log10(top || 1e-4));
  const step = high - low > 9 && window.innerWidth < 720 ? 2 : 1;
  const powers = [];
  for (let power = low + 1; power <= high; power += step) powers.push(power);
  const superscript = (power) => `10<sup>${power}</sup>`;
  return {
    tickvals: [...(exact ? [floor] : []), ...powers.map((power) => 10 ** power)],
    ticktext: [...(exact ? ['exact'] : []), ...powers.map((power) => (power === 0 ? '1' : superscript(power)))],
    range: [exact ? low - 0.3 : low + 0.6, high + 0.4],
  };
}

function timeFigure(model) {
  const paint = colours();
  const bar = (name, colour, of) => {
    const points = model.compared.filter((value) => of(value) !== null && of(value) !== undefined);
    return {
      name: plain(name), type: 'bar', x: points.map((value) => value.index), y: points.map((value) => of(value) * 1000), marker: { color: colour, line: { width: 0 } },
      text: points.map((value) => `<b>${short(value.name)}</b><br>${short(made(value.any))}<br>${plain(name)}: ${milliseconds(of(value))}`), textposition: 'none', hovertemplate: '%{text}<extra></extra>',
    };
  };
  const traces = [
    bar(model.reference, paint.reference, (value) => value.any.reference_seconds),
    ...model.engines.map((engine, place) => bar(engine.label, paint.engines[place % paint.engines.length], (value) => value.found[place] && value.found[place].seconds)),
  ].filter((trace) => trace.x.length);
  const look = byLayer(paint, 'milliseconds');
  return [traces, { ...look, barmode: 'group', bargap: 0.25 }];
}

/** A plot of layers: a point or bar of it opens the layer. */
function makePlot(view, place, figureOf, show) {
  return plotIn(place, () => figureOf(view.model), (event) => {
    const value = view.model.compared[event.points[0].x];
    if (value) show(view, { id: value.name, value }, null);
  });
}

function makeTimes(view, section, show) {
  const { model } = view;
  const told = (of) => model.compared.map(of).filter((time) => time !== null && time !== undefined);
  const total = (times) => milliseconds(times.reduce((sum, time) => sum + time, 0));
  const engines = [[model.reference, told((value) => value.any.reference_seconds)], ...model.engines.map((engine, place) => [engine.label, told((value) => value.found[place] && value.found[place].seconds)])].filter(([, times]) => times.length);
  if (!engines.length) {
    section.append(h('p', { class: 'small' }, 'No engine told the time of its layers.'));
    return () => {};
  }
  section.append(h('p', { class: 'small' }, engines.map(([label, times]) => [h('b', {}, label), `${total(times)} over ${plural(times.length, 'layer')}. `])));
  const place = h('div', { class: 'plot', 'data-plot': 'times' }, h('p', { class: 'wait' }, 'The plot is unpacked when it comes into view.'));
  section.append(place, h('p', { class: 'small' }, 'Measured while every value was kept for the comparison: good for comparing layers, not for the speed of the network.'));
  return makePlot(view, place, timeFigure, show);
}

function makeWorst(view, section, show) {
  const { model } = view;
  const tiles = h('ul', { class: 'tiles' });
  const pick = h('select', { onchange: () => draw() }, model.engines.map((engine, place) => h('option', { value: place }, engine.label)));
  function draw() {
    const place = Number(pick.value);
    const engine = model.engines[place];
    const worst = model.compared.filter((value) => value.found[place] && value.found[place].histogram)
      .sort((a, b) => b.found[place].required_tolerance - a.found[place].required_tolerance);
    tiles.replaceChildren(...worst.map((value) => {
      const layer = value.found[place];
      return h('li', {}, h('button', { type: 'button', onclick: (event) => show(view, { id: value.name, value }, event.currentTarget) },
        h('span', { class: 'title' }, value.name), h('span', { class: 'sub' }, `${figure(layer.required_tolerance)} at most, ${exactly(layer)}`), bars(layer, engine.edges), axis(engine.edges)));
    }));
  }
  if (model.engines.length > 1) section.append(h('div', { class: 'filters' }, h('label', {}, 'Engine ', pick)));
  section.append(tiles, h('p', { class: 'small' }, 'How many numbers differ by how much, relative to the largest value of the layer; logarithmic. The dashed line is what is allowed.'));
  draw();
}
