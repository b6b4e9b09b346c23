// The report's words, figures and tables, from the data in the page. Names reach the document as
// text nodes only.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// `columns`: [title, is it a number].
function table(columns, rows) {
  const cells = (tag, values) => values.map((value, i) =>
    element(tag, columns[i][1] ? {class: 'number'} : i === 0 ? {class: 'name'} : {}, value));
  const body = element('tbody', {}, ...rows.map((row) =>
    element('tr', row.strong ? {class: 'strong'} : {}, ...cells('td', row.cells || row))));
  return element('div', {class: 'scroll'}, element('table', {},
    element('thead', {}, element('tr', {}, ...cells('th', columns.map((column) => column[0])))), body));
}

function folded(title, content, open = false) {
  return element('details', open ? {open: ''} : {}, element('summary', {}, title), content);
}

const counted = (count, noun) => (count === 1 ? `The one ${noun}` : `All ${count} ${noun}s`);

function ratioWords(before, after) {
  if (!(before > 0) || !(after > 0)) return '';
  const ratio = before / after;
  return ratio >= 0.995 ? `${format.ratio(ratio)} faster` : `${format.ratio(1 / ratio)} slower`;
}

function changeWords(value) {
  return data.metric === 'cosine' ? format.signed(value, 4) : `${format.signed(100 * value, 2)} points`;
}

// Nothing takes no time: zero says that it wasn't measured.
const milliseconds = (value) => (value > 0 ? `${format.ms(value)} ms` : '\u2013');
const checkedQuality = (variant) => (variant.examples > 0 ? format.quality(variant.quality, data.metric) : '\u2013');

// --- key figures -------------------------------------------------------------------------------

function tile(name, value, unit, was, change) {
  return element('div', {class: 'tile'}, element('div', {class: 'name'}, name),
    element('div', {class: 'value'}, value, unit ? element('small', {}, unit) : null),
    element('div', {class: 'was'}, `was ${was}`, change ? ', ' : null, change ? element('b', {}, change) : null));
}

function showTiles() {
  const {original, fitted} = data;
  const latency = (name, words) => {
    const [value, unit = ''] = milliseconds(fitted.latency_ms[name]).split(' ');
    return tile(words, value, unit, milliseconds(original.latency_ms[name]).replace(' ms', ''),
      ratioWords(original.latency_ms[name], fitted.latency_ms[name]));
  };
  const [quality, unit] = checkedQuality(fitted).split('\u202f');
  const hasFiles = original.file_bytes > 0 && fitted.file_bytes > 0;
  const key = hasFiles ? 'file_bytes' : 'memory_bytes';
  const [size, sizeUnit] = format.bytes(fitted[key]).split(' ');
  byId('figures').append(element('div', {class: 'tiles'},
    latency('p50', 'Median latency'), latency('p99', '99th percentile'),
    tile(`Quality (${data.metric})`, quality, unit, checkedQuality(original), fitted.examples > 0 ? changeWords(data.quality_change) : ''),
    tile(hasFiles ? 'File' : 'Memory', size, sizeUnit, format.bytes(original[key]), '')));
}

function boundWords(name) {
  return data.budget.bounds.filter((bound) => bound.statistic === name)
    .map((bound) => `budget ${Number(bound.ms.toPrecision(4))} ms: ${data.fitted.latency_ms[name] <= bound.ms ? 'within' : 'over'}`).join(', ');
}

function latencyRow(words, name) {
  const cell = (variant) => {
    const low = variant.latency_low_ms[name];
    const high = variant.latency_high_ms[name];
    const made = element('span', {}, milliseconds(variant.latency_ms[name]));
    if (low > 0 && high > 0) made.append(element('span', {class: 'interval'}, `${format.ms(low)}\u2013${format.ms(high)}`));
    return made;
  };
  const notes = [ratioWords(data.original.latency_ms[name], data.fitted.latency_ms[name]), boundWords(name)];
  return [words, cell(data.original), cell(data.fitted), notes.filter(Boolean).join('; ')];
}

function qualityRow() {
  const cell = (variant) => {
    const made = element('span', {}, checkedQuality(variant));
    if (variant.examples > 0) {
      made.append(element('span', {class: 'interval'}, `${format.quality(variant.quality_low, data.metric).replace('\u202f%', '')}\u2013${format.quality(variant.quality_high, data.metric)}`));
    }
    return made;
  };
  const change = data.fitted.examples > 0
    ? `${changeWords(data.quality_change)} (${changeWords(data.quality_change_low).replace(' points', '')} to ${changeWords(data.quality_change_high)})` : '';
  return [`Quality (${data.metric})`, cell(data.original), cell(data.fitted), change];
}

// A fit for a device that isn't here: every time in it comes from a cost model.
const timed = data.predicted_for ? 'cost model' : 'measured';

function predictionRow() {
  const measured = data.fitted.latency_ms.p50;
  const off = measured > 0 ? 100 * (data.fitted.predicted_ms / measured - 1) : NaN;
  return ['Predicted median', '', milliseconds(data.fitted.predicted_ms),
    isFinite(off) ? `${Math.abs(off).toFixed(1)} % ${off < 0 ? 'below' : 'above'} what was ${data.predicted_for ? 'predicted for the device' : 'measured'}` : ''];
}

// How far the chosen variant is from the two ends of what was tried.
function distanceRow() {
  const notes = [];
  const {slower_than_fastest: ratio, quality_lost: lost} = data.page;
  const slower = 100 * (ratio - 1);
  if (ratio !== null) notes.push(slower < 0.05 ? 'the fastest' : `${slower.toFixed(1)} % slower than the fastest (${format.ms(data.fastest_ms)} ms)`);
  if (lost !== null) notes.push(lost < 5e-5 ? 'as good as the best' : `${changeWords(-lost)} from the best (${format.quality(data.best_quality, data.metric)})`);
  return notes.length ? ['Among what was tried', '', '', notes.join('; ')] : null;
}

function showFigures() {
  const {original, fitted} = data;
  const rows = [latencyRow('Latency p50', 'p50'), latencyRow('Latency p90', 'p90'), latencyRow('Latency p99', 'p99'),
    ['First run', milliseconds(original.latency_ms.first), milliseconds(fitted.latency_ms.first), ''],
    predictionRow(), qualityRow()];
  if (data.metric === 'top1' && data.agreement.examples > 0) {
    rows.push(['Same answer as the original', '', format.quality(data.agreement.value, 'top1'), 'of the examples']);
  }
  rows.push(['File', format.bytes(original.file_bytes), format.bytes(fitted.file_bytes), ''],
    ['Memory, weights and activations', format.bytes(original.memory_bytes), format.bytes(fitted.memory_bytes),
      data.budget.memory_bytes === null ? '' : `budget ${format.bytes(data.budget.memory_bytes)}`]);
  const distance = distanceRow();
  if (distance) rows.push(distance);
  byId('figures').append(table([['', false], ['original', true], ['fitted', true], ['', false]], rows));
}

// --- charts ------------------------------------------------------------------------------------

const drawings = {frontier: frontierChart, layers: layersChart, sensitivity: sensitivityChart, latency: latencyChart};
const charts = {};

function draw() {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  const colours = palette();
  for (const [name, drawing] of Object.entries(drawings)) {
    if (charts[name]) charts[name].destroy();
    const made = drawing(data, colours);
    byId(name).hidden = made === null;
    if (made === null) continue;
    const canvas = byId(`${name}-chart`);
    if (made.height) canvas.parentNode.style.height = `${made.height}px`;
    charts[name] = new Chart(canvas, made);
  }
}

// Marks as the charts draw them: [shape, colour variable, words].
const shapes = {
  disc: '<circle cx="7" cy="7" r="5" fill="C"/>',
  ring: '<circle cx="7" cy="7" r="4.5" fill="none" stroke="C" stroke-width="1.5"/>',
  square: '<rect x="2" y="2" width="10" height="10" fill="C"/>',
  hollow: '<rect x="2" y="2" width="10" height="10" fill="var(--before-soft)" stroke="C"/>',
  line: '<path d="M0 7H14" stroke="C" stroke-width="2"/>',
  dashes: '<path d="M0 7H14" stroke="C" stroke-width="2" stroke-dasharray="4 3"/>',
  dots: '<path d="M0 7H14" stroke="C" stroke-width="2" stroke-dasharray="1.5 3"/>',
  whisker: '<path d="M7 1V13M4 1H10M4 13H10" stroke="C" fill="none"/>',
};

function legend(name, entries) {
  byId(`${name}-legend`).append(...entries.map(([shape, colour, words]) => {
    const mark = element('span', {});
    mark.innerHTML = `<svg width="14" height="14" aria-hidden="true">${shapes[shape].replaceAll('C', `var(--${colour})`)}</svg>`;
    mark.append(words);
    return mark;
  }));
}

function describe(name, words) {
  byId(`${name}-chart`).setAttribute('aria-label', words);
}

function showFrontier() {
  const line = data.page.budget_line;
  const entries = [['disc', 'accent', timed], ['ring', 'accent', 'predicted'], ['square', 'before', 'original'],
    ['line', 'accent', 'frontier']];
  if (data.points.some((point) => point.examples > 0)) entries.push(['whisker', 'muted', '95 % interval of the quality']);
  if (line) entries.push(['dashes', 'limit', 'budget']);
  legend('frontier', entries);
  const scaled = line && line.statistic !== 'p50'
    ? `The axis shows medians; the budget bounds ${line.statistic}, and stands where the fitted variant's own ratio of median to ${line.statistic} puts it (${format.ms(line.p50_ms)} ms). ` : '';
  byId('frontier-note').textContent = scaled + 'Qualities are on the data that the choice was made by; those at the top are on test data. A dotted link joins what was predicted to what was measured; a triangle on the lower edge stands for a variant below the range, and an interval wider than the range runs out of it.';
  describe('frontier', `Scatter of ${data.points.length} variants by median latency and quality; the table below has the figures.`);
  const cells = (point) => [point.label + (point.chosen ? ' (chosen)' : ''), `${format.ms(point.predicted_ms)}`,
    format.ms(point.measured_ms), format.quality(point.predicted_quality, data.metric),
    point.examples > 0 ? format.quality(point.quality, data.metric) : '\u2013', point.on_frontier ? 'yes' : ''];
  byId('frontier').append(folded(counted(data.points.length, 'variant'), table(
    [['variant', false], ['predicted ms', true], [`${timed} ms`, true], ['predicted quality', true], ['quality', true], ['on the frontier', false]],
    data.points.map((point) => ({cells: cells(point), strong: point.chosen})))));
}

function precisionMark(precision) {
  const known = ['int8', 'bf16', 'fp32'].includes(precision);
  return element('span', known ? {class: `precision ${precision}`} : {}, precision || '\u2013');
}

function showLayers() {
  const used = new Set(data.page.layers.map((layer) => layer.precision_after));
  const entries = [['square', 'before', 'original']];
  if (used.has('int8')) entries.push(['square', 'accent', 'fitted, int8']);
  if (used.has('bf16')) entries.push(['square', 'bf16', 'fitted, bf16']);
  entries.push(['square', 'fp32', 'fitted, fp32']);
  legend('layers', entries);
  const sum = (key) => data.page.layers.reduce((total, layer) => total + layer[key], 0);
  const {rest} = layerRows(data);
  byId('layers-note').textContent = (rest ? `${rest.name} steps, too long together for the chart, take ${format.ms(rest.before_ms)} ms before and ${format.ms(rest.after_ms)} ms after. ` : '') + `The steps add up to ${format.ms(sum('before_ms'))} ms before and ${format.ms(sum('after_ms'))} ms after; a sum of medians lies near, not on, the median of whole runs.`;
  describe('layers', 'Bars: median time of each step in the original and the fitted variant; the table below has the figures.');
  byId('layers').append(folded(counted(data.page.layers.length, 'step'), table(
    [['step', false], ['operator', false], ['before ms', true], ['after ms', true], ['before', false], ['after', false]],
    data.page.layers.map((layer) => [layer.name, layer.op, layer.before_ms > 0 ? format.ms(layer.before_ms) : '\u2013',
      layer.after_ms > 0 ? format.ms(layer.after_ms) : '\u2013', precisionMark(layer.precision_before), precisionMark(layer.precision_after)]))));
}

function showSensitivity() {
  const rows = sensitivityRows(data);
  byId('sensitivity-lead').textContent = 'Each layer lowered alone, all others left as they were: the time it saves, and how far it ' +
    'moves the outputs, by which the choice is made. What that does to the metric is in the table; for one layer it is mostly sampling noise.';
  const precisions = [...new Set(rows.filter((row) => row.chosen).map((row) => row.precision))];
  legend('sensitivity', [...precisions.map((name) => ['square', name === 'bf16' ? 'bf16' : name === 'int8' ? 'accent' : 'fp32', `lowered to ${name} in the fitted variant`]),
    ['hollow', 'before', 'left as it was']]);
  if (rows.length > shownSensitivities) byId('sensitivity-note').textContent = `The ${shownSensitivities} that save most, of ${rows.length}.`;
  describe('sensitivity', 'Bars: time saved and change of the outputs by each layer lowered alone; the table below has the figures.');
  byId('sensitivity').append(folded(counted(rows.length, 'trial'), table(
    [['layer', false], ['operator', false], ['precision', false], ['before ms', true], ['after ms', true], ['quality lost', true], ['output error', true], ['chosen', false]],
    rows.map((row) => ({strong: row.chosen, cells: [row.node, row.op, precisionMark(row.precision), format.ms(row.original_ms), format.ms(row.lowered_ms),
      changeWords(row.quality_drop).replace('+', ''), row.output_error.toPrecision(2), row.chosen ? 'yes' : '']})))));
}

function showLatency() {
  const shown = data.page.histogram;
  byId('latency-lead').textContent = `${data.original.runs.toLocaleString('en')} runs of the original and ${data.fitted.runs.toLocaleString('en')} of the fitted variant, after warm-up.`;
  legend('latency', [['square', 'before', 'original'], ['square', 'accent', 'fitted'], ['line', 'muted', 'p50'], ['dashes', 'muted', 'p90'], ['dots', 'muted', 'p99'],
    ...(data.budget.bounds.length ? [['dashes', 'limit', 'budget']] : [])]);
  const beyond = [['original', shown.original_beyond], ['fitted', shown.fitted_beyond]].filter(([, share]) => share > 0)
    .map(([name, share]) => `${(100 * share).toFixed(2)} % of the ${name}`);
  const problem = data.fitted.valid ? '' : data.fitted.invalid_reason;
  byId('latency-note').textContent = (beyond.length ? `Not shown, slower than the right edge: ${beyond.join(', ')}. ` : '') + problem;
  describe('latency', 'Histogram of the latency of single runs of both variants; the table at the top has the percentiles.');
}

// --- what changed, where and how -----------------------------------------------------------------

function showChanges() {
  const groups = data.page.change_groups.filter((group) => group.title !== 'other');
  byId('change-groups').append(...(data.changes.length ? groups : [{title: 'Nothing: the original is handed back'}])
    .map((group) => element('li', {}, group.title.replace(' -> ', ' \u2192 '))));
  if (!data.changes.length) return;
  const steps = new Map(data.page.layers.map((layer) => [layer.name, layer]));
  const trials = new Map(data.sensitivities.map((row) => [`${row.precision}/${row.node}`, row]));
  const rows = data.changes.map((change) => {
    const step = steps.get(change.what);
    const trial = trials.get(`${change.to}/${change.what}`);
    return [change.what, change.from ? precisionMark(change.from) : '', change.to ? precisionMark(change.to) : '',
      step && step.before_ms > 0 ? format.ms(step.before_ms) : '', step && step.after_ms > 0 ? format.ms(step.after_ms) : '',
      trial ? trial.output_error.toPrecision(2) : ''];
  });
  byId('changes').append(folded(counted(rows.length, 'change'), table([['node or knob', false], ['from', false], ['to', false], ['before ms', true], ['after ms', true],
    ['output error alone', true]], rows), rows.length <= 16));
}

function showEnvironment() {
  const {machine} = data;
  const rate = (value, unit, digits) => (value > 0 ? `${value.toFixed(digits)} ${unit}` : '\u2013');
  const facts = [['Processor', machine.cpu], ['CPUs', machine.cpus], ['Threads used', data.threads], ['Instruction set', machine.isa],
    ['Memory bandwidth, read', rate(machine.read_gb_per_s, 'GB/s', 1)], ['Peak, fp32', rate(machine.peak_gflops_fp32, 'GFLOP/s', 0)],
    ['Peak, bf16', machine.peak_gflops_bf16 > 0 ? rate(machine.peak_gflops_bf16, 'GFLOP/s', 0) : ''], ['Peak, int8', rate(machine.peak_gops_int8, 'GOP/s', 0)], ['System', machine.os], ['Compiler', machine.compiler], ['oneDNN', machine.onednn],
    ['Data', data.task], ['Budget', data.budget.text + (data.budget.chosen_here ? ', the knee of the frontier' : '')], ['Seed', data.seed],
    ['Time to fit', data.seconds > 0 ? `${data.seconds.toFixed(1)} s` : ''], ['Fitted model', data.artefact]];
  byId('machine').append(...facts.filter(([, value]) => value !== '').map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, String(value)))));
  if (data.predicted_for) {
    byId('environment-title').textContent = 'For which device it was predicted';
    byId('method').textContent = `Nothing ran on ${data.predicted_for}: all latencies are predicted from its profile, and unverified until they are measured there. Qualities were measured on the data.`;
    return;
  }
  byId('method').textContent = 'Latencies are of whole runs after warm-up until drift stopped, both variants interleaved in shuffled order; ' +
    'intervals are 95 % order statistics for latency, and for quality those of the examples. ' +
    'A percentile counts as settled when the runs pass MLPerf\u2019s early-stopping rule at 99 % confidence: ' +
    (data.fitted.valid ? 'they do here.' : `here they do not. ${data.fitted.invalid_reason}`);
}

// --- a page that judges itself -------------------------------------------------------------------

function isDrawn(canvas) {
  if (!canvas.width || !canvas.height) return false;
  const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  let inked = 0;
  for (const pixel of pixels) inked += pixel >>> 24 > 0 ? 1 : 0;
  return inked > 0.002 * pixels.length;
}

function selftest() {
  const canvases = [...document.querySelectorAll('canvas')];
  const verdict = {
    problems: window.selftestProblems,
    requests: performance.getEntriesByType('resource').length,
    charts: canvases.map((canvas) => ({id: canvas.id, hidden: canvas.closest('section').hidden, drawn: isDrawn(canvas)})),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    scripts: document.scripts.length,
  };
  document.body.append(element('pre', {id: 'selftest', hidden: ''}, JSON.stringify(verdict)));
}

showTiles();
showFigures();
showFrontier();
showLayers();
showSensitivity();
showLatency();
showChanges();
showEnvironment();
draw();
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
// Paper is white: the charts are drawn anew in the light palette.
for (const [event, paper] of [['beforeprint', true], ['afterprint', false]]) {
  window.addEventListener(event, () => {
    document.documentElement.classList.toggle('paper', paper);
    draw();
  });
}
let redraw = 0;
let wasNarrow = isNarrow();
window.addEventListener('resize', () => {
  if (isNarrow() === wasNarrow) return;
  wasNarrow = isNarrow();
  clearTimeout(redraw);
  redraw = setTimeout(draw, 100);
});
if (window.selftestProblems) selftest();
