// What all plots share: the look, when they are drawn, how wide they are.

const FULL = { displaylogo: false, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d', 'toImage'] };

/** Plotly reads a little markup in its texts. */
const plain = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const short = (text) => plain(text.length > 70 ? `…${text.slice(-69)}` : text);

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ink: of('ink'), soft: of('soft'), line: of('line'), card: of('card'), good: of('good'), bad: of('bad'), warn: of('warn'), mute: of('mute'), engines: [of('one'), of('two'), of('three'), of('four')], reference: of('five') };
}

/** The look of every plot; axes and what else differs is for the caller to add. */
function layout(paint) {
  const narrow = window.innerWidth < 720;
  const grid = { gridcolor: paint.line, zerolinecolor: paint.line, linecolor: paint.line };
  return {
    paper_bgcolor: paint.card, plot_bgcolor: paint.card, font: { color: paint.soft, size: 12, family: getComputedStyle(document.body).fontFamily },
    margin: { l: narrow ? 52 : 68, r: narrow ? 10 : 20, t: 44, b: 54 }, height: narrow ? 320 : 400, hovermode: 'closest', dragmode: narrow ? false : 'zoom',
    legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: { color: paint.ink } },
    hoverlabel: { bgcolor: paint.card, bordercolor: paint.line, font: { color: paint.ink } },
    xaxis: { ...grid, rangemode: 'tozero' }, yaxis: grid,
  };
}

/** Draws when it comes into view, as wide as its box whenever that changes, and again in the other theme. */
function plotIn(place, figureOf, onClick) {
  let drawn = false;
  async function draw() {
    const Plotly = await plotly();
    const [traces, look] = figureOf();
    if (!drawn) place.replaceChildren();
    await Plotly.react(place, traces, look, FULL);
    if (drawn) return;
    drawn = true;
    place.dataset.drawn = 'true';
    if (onClick) place.on('plotly_click', onClick);
    new ResizeObserver(() => { if (place.clientWidth && place.clientWidth !== place._fullLayout.width) Plotly.Plots.resize(place); }).observe(place);
  }
  const start = () => draw().catch((error) => { place.textContent = `The plot can't be drawn: ${error.message}. The numbers are in the tables.`; });
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    start();
  }, { rootMargin: '300px' }).observe(place);
  return () => { if (drawn) start(); };
}
