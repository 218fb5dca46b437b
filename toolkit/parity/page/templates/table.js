// The conversion map: ONNX value -> Caffe blob, with the error in every engine; searched, filtered and sorted.

function makeTable(view, section, show) {
  const { model } = view;
  const body = h('tbody', {});
  const count = h('output', { 'aria-live': 'polite' });
  const search = h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false', oninput: () => filter() });
  const which = h('select', { onchange: () => filter() },
    [['', 'all values'], ['compared', 'compared'], ['differing', 'differing'], ['skipped', 'not compared']].map(([value, text]) => h('option', { value }, text)));
  const columns = [
    ['ONNX value', (row) => row.place], ['Caffe blob', (row) => row.blob], ['Made by', (row) => (row.value ? made(row.value.any) : '~')], ['Shape', (row) => (row.value ? row.value.any.shape.reduce((a, b) => a * b, 1) : -1)],
    ...model.engines.map((engine, place) => [engine.label, (row) => rank(row, place)]),
  ];
  const heads = columns.map(([label, key], place) => h('th', { scope: 'col', class: place > 3 ? 'n' : null, 'aria-sort': place ? null : 'ascending' },
    h('button', { type: 'button', onclick: () => sort(place, key) }, label)));
  const lines = model.rows.map((row) => ({ row, element: line(row), text: searched(row) }));

  function line(row) {
    const name = h('th', { scope: 'row' }, row.value
      ? h('button', { type: 'button', class: 'link', tabindex: -1, onclick: (event) => show(view, { id: row.name, value: row.value }, event.currentTarget) }, row.name)
      : h('code', {}, row.name));
    if (!row.value) return h('tr', {}, name, h('td', { 'data-label': 'Caffe blob', class: row.blob ? null : 'empty' }, row.blob), h('td', { class: 'why', colspan: columns.length - 2 }, row.reason));
    const any = row.value.any;
    return h('tr', {}, name, h('td', { 'data-label': 'Caffe blob' }, h('code', {}, any.blob)), h('td', { class: 'made', 'data-label': 'Made by' }, made(any)),
      h('td', { class: 'w', 'data-label': 'Shape' }, sizes(any.shape)),
      row.value.found.map((layer, place) => h('td', { class: `n ${layer && layer.status !== 'passed' ? (layer.status === 'noise' ? 'noise' : 'off') : ''}`, 'data-label': model.engines[place].label },
        layer ? (layer.status === 'broken' ? 'broken' : figure(layer.required_tolerance)) : '–')));
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, element, text } of lines) {
      const kind = !row.value ? 'skipped' : row.value.status === 'passed' ? 'compared' : 'compared differing';
      const fits = (!which.value || kind.split(' ').includes(which.value)) && words.every((word) => text.includes(word));
      element.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === lines.length ? plural(shown, 'value') : `${shown} of ${plural(lines.length, 'value')}`;
    const first = lines.find(({ row, element }) => row.value && !element.hidden);
    if (first) only(first.element.querySelector('button'));
  }

  function sort(place, key) {
    const down = heads[place].getAttribute('aria-sort') === (place > 3 ? 'descending' : 'ascending') ? place <= 3 : place > 3;
    heads.forEach((head) => head.removeAttribute('aria-sort'));
    heads[place].setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const sorted = [...lines].sort((a, b) => (down ? -1 : 1) * compare(key(a.row), key(b.row)) || a.row.place - b.row.place);
    body.replaceChildren(...sorted.map(({ element }) => element));
  }

  body.append(...lines.map(({ element }) => element));
  const table = h('table', { class: 'map stack' }, h('thead', {}, h('tr', {}, heads)), body);
  section.append(
    h('div', { class: 'filters' }, h('label', {}, 'Search ', search), h('label', {}, 'Show ', which), count),
    h('div', { class: 'scroll tall', role: 'region', tabindex: 0, 'aria-label': 'Conversion map' }, table), ...[explained(model.rows.map((row) => row.blob))].filter(Boolean));
  const only = roving(body, 'button.link', along);
  filter();
  return {
    mark(value) {
      body.querySelectorAll('tr.on').forEach((one) => one.classList.remove('on'));
      const found = lines.find(({ row }) => row.value === value);
      if (value && found) found.element.classList.add('on');
    },
  };
}

function rank(row, place) {
  const layer = row.value && row.value.found[place];
  return !layer ? -1 : layer.required_tolerance === null ? Infinity : layer.required_tolerance;
}

function searched(row) {
  const any = row.value && row.value.any;
  return [row.name, row.blob, row.reason, ...(any ? [...any.nodes, ...any.layers, ...any.ops, ...any.types, any.source, row.value.status, STATUS[row.value.status]] : [])].join('\n').toLowerCase();
}
