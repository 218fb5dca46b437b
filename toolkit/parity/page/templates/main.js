// Puts the parts into each report of the page, when it is shown.

const views = new Map();
const details = makeDetails(show);

function show(view, target, origin) {
  if (view.graph) view.graph.mark(target);
  if (view.table) view.table.mark(target.value || null);
  details.open(view, target, origin || null);
}

function mount(article, report) {
  const part = (name) => article.querySelector(`[data-part="${name}"]`);
  const view = { report, model: makeModel(report, JSON.parse(article.dataset.engines)), redraw: [] };
  if (part('map')) {
    view.table = makeTable(view, part('map'), show);
    view.graph = makeGraph(view, part('graph'), show);
    makeWorst(view, part('worst'), show);
    view.redraw.push(makePlot(view, part('errors').querySelector('.plot'), errorFigure, show), makeTimes(view, part('times'), show));
  }
  article.querySelectorAll('button[data-value]').forEach((button) => button.addEventListener('click', () => {
    const value = view.model.values.get(button.dataset.value);
    if (value) show(view, { id: value.name, value }, button);
  }));
  return view;
}

function checks(reports) {
  const table = document.getElementById('checks');
  if (!table) return;
  const articles = [...document.querySelectorAll('article.report')];
  const buttons = [...table.querySelectorAll('button[data-open]')];
  buttons.forEach((button) => button.addEventListener('click', () => {
    const place = Number(button.dataset.open);
    articles.forEach((article) => { article.hidden = Number(article.dataset.place) !== place; });
    buttons.forEach((one) => one.setAttribute('aria-expanded', one === button));
    const article = articles.find((one) => !one.hidden);
    if (!views.has(place)) views.set(place, mount(article, reports[place]));
    details.close();
    const heading = article.querySelector('h2');
    heading.focus({ preventScroll: true });
    article.scrollIntoView();
  }));
  const search = document.getElementById('checks-search');
  const status = document.getElementById('checks-status');
  const rows = [...table.tBodies[0].rows];
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word)) || (status.value !== '' && !status.value.split(' ').includes(row.dataset.status));
    });
    const shown = rows.filter((row) => !row.hidden).length;
    document.getElementById('checks-count').textContent = shown === rows.length ? plural(shown, 'check') : `${shown} of ${plural(rows.length, 'check')}`;
  };
  search.addEventListener('input', filter);
  status.addEventListener('change', filter);
}

begin(async () => {
  themes(() => views.forEach((view) => view.redraw.forEach((draw) => draw())));
  const text = await unpack('data');
  const reports = JSON.parse(text);
  saving(document.getElementById('checks') ? text : text.slice(1, -1));
  checks(reports);
  if (!document.getElementById('checks')) views.set(0, mount(document.querySelector('article.report'), reports[0]));
});
