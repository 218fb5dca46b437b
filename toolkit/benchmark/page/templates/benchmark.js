// Times and ratios as bars, a row for each target that ran, in the order of the table.

const names = () => [...document.querySelectorAll('#numbers tbody tr')].map((row) => row.dataset.name);

/** Lying bars with lines from `low` to `high`; what is first stands on top. */
function barFigure(rows, unit) {
  const paint = colours();
  const narrow = window.innerWidth < 720;
  const look = layout(paint);
  const labels = rows.map((row) => plain(wrapped(row.name, narrow ? 16 : 34)).replace(/\n/g, '<br>'));
  const trace = {
    type: 'bar', orientation: 'h', y: rows.map((row, place) => place), x: rows.map((row) => row.value), width: 0.6,
    marker: { color: rows.map((row) => row.colour(paint)) },
    error_x: { type: 'data', symmetric: false, array: rows.map((row) => row.high - row.value), arrayminus: rows.map((row) => row.value - row.low), color: paint.ink, thickness: 1.4, width: 4 },
    text: rows.map((row) => `<b>${plain(row.name)}</b><br>${row.told}`), textposition: 'none', hovertemplate: '%{text}<extra></extra>',
  };
  return [[trace], {
    ...look, height: 84 + rows.length * (narrow ? 48 : 40), margin: { ...look.margin, l: 8, t: 16, r: narrow ? 14 : 30 }, bargap: 0.3,
    xaxis: { ...look.xaxis, title: { text: unit, standoff: 8 }, nticks: narrow ? 5 : 10 },
    yaxis: { ...look.yaxis, automargin: true, autorange: 'reversed', tickvals: labels.map((label, place) => place), ticktext: labels, tickfont: { color: paint.ink }, showgrid: false, zeroline: false, fixedrange: true },
  }];
}

function wrapped(text, width) {
  const lines = [''];
  for (const part of text.split(/(?<=[\s,/_.-])/)) {
    if (lines.at(-1) && lines.at(-1).length + part.length > width) lines.push('');
    lines[lines.length - 1] += part;
  }
  return lines.map((line) => line.trim()).join('\n');
}

const TINT = { faster: (paint) => paint.good, slower: (paint) => paint.bad };

function timesFigure(ran) {
  const called = names();
  const ms = (seconds) => seconds * 1000;
  return barFigure(ran.map(({ seconds, ratio }, place) => ({
    name: called[place], value: ms(seconds.typical), low: ms(Math.min(seconds.min, seconds.typical)), high: ms(Math.max(seconds.p90, seconds.typical)),
    told: `${figure(ms(seconds.typical), 4)} ms, nine in ten within ${figure(ms(seconds.p90), 4)} ms`, colour: (paint) => (ratio ? paint.engines[0] : paint.reference),
  })), 'milliseconds');
}

function ratiosFigure(ran) {
  const called = names();
  const rows = ran.map(({ ratio, verdict }, place) => ({ name: called[place], ratio, verdict })).filter((one) => one.ratio).map(({ name, ratio, verdict }) => ({
    name, value: ratio.median, low: ratio.low, high: ratio.high, told: `${figure(ratio.median, 3)} (${figure(ratio.low, 3)} to ${figure(ratio.high, 3)}): ${verdict}`,
    colour: TINT[verdict] || ((paint) => paint.mute),
  }));
  const [traces, look] = barFigure(rows, `times as long as ${called[0]}`);
  const line = { type: 'line', yref: 'paper', y0: 0, y1: 1, x0: 1, x1: 1, line: { color: colours().ink, width: 1.2, dash: 'dash' } };
  return [traces, { ...look, shapes: [line] }];
}

begin(async () => {
  const redraw = [];
  themes(() => redraw.forEach((draw) => draw()));
  const text = await unpack('data');
  saving(text);
  const ran = JSON.parse(text).targets.filter((one) => !one.reason);
  for (const [name, figureOf] of [['times', timesFigure], ['ratios', ratiosFigure]]) {
    const place = document.querySelector(`[data-plot="${name}"]`);
    if (place) redraw.push(plotIn(place, () => figureOf(ran), null));
  }
});
