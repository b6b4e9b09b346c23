// What the report's charts share: formats, colours, axes, and what Chart.js 3 doesn't draw itself.
'use strict';

const format = {
  ms(value) {
    if (value === null || !isFinite(value)) return '\u2013';
    const size = Math.abs(value);
    const digits = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
    return value.toFixed(digits);
  },
  ratio(value) {
    return value.toFixed(value < 1.95 ? 2 : value < 9.95 ? 1 : 0) + '\u00d7';
  },
  signed(value, digits) {
    const text = Math.abs(value).toFixed(digits);
    return (Number(text) === 0 ? '' : value < 0 ? '\u2212' : '+') + text;
  },
  // A similarity is shown as it is, every other quality as a percentage.
  quality(value, metric) {
    if (value === null) return '\u2013';
    return metric === 'cosine' ? value.toFixed(4) : (100 * value).toFixed(2) + '\u202f%';
  },
  bytes(value) {
    if (!(value > 0)) return '\u2013';
    for (const [unit, size] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
      if (value >= size) return (value / size).toPrecision(3).replace(/e.*/, '') + ' ' + unit;
    }
    return value + ' B';
  },
  // What tells layers apart is mostly at the end: a long name keeps it, and its start if there is room.
  short(text, most) {
    const letters = Array.from(text);
    if (letters.length <= most) return text;
    const head = most < 20 ? 0 : Math.floor((most - 1) / 3);
    return letters.slice(0, head).join('') + '\u2026' + letters.slice(letters.length - (most - 1 - head)).join('');
  },
};

function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = ['page', 'ink', 'muted', 'line', 'grid', 'accent', 'accent-soft', 'before', 'before-soft', 'bf16', 'fp32', 'limit'];
  const colours = {};
  for (const name of names) colours[name] = style.getPropertyValue('--' + name).trim();
  return colours;
}

const isNarrow = () => window.innerWidth < 620;

// Text with the page's colour around it, so that lines that cross it leave it readable.
function haloed(ctx, text, x, y, colour, halo) {
  ctx.strokeStyle = halo;
  ctx.lineWidth = 5;
  ctx.lineJoin = 'round';
  ctx.setLineDash([]);
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

// Vertical lines over the whole plot, their labels in rows above it. Labels of one row never
// overlap: each starts after the one before.
const marksPlugin = {
  id: 'marks',
  afterDatasetsDraw(chart, _, options) {
    const {ctx, chartArea: area, scales: {x}} = chart;
    const height = (line) => area.top - 12 - 18 * line.row;
    const lines = (options.lines || []).filter((line) => isFinite(line.x)).map((line) => ({...line, at: x.getPixelForValue(line.x)}));
    ctx.save();
    for (const line of lines) {
      if (line.at > area.right + 1 || line.at < area.left - 1) continue;
      ctx.strokeStyle = line.colour;
      ctx.lineWidth = line.width || 1;
      ctx.setLineDash(line.dash || []);
      ctx.beginPath();
      ctx.moveTo(line.at, area.bottom);
      ctx.lineTo(line.at, height(line) + 8);
      ctx.stroke();
    }
    ctx.font = `12px ${Chart.defaults.font.family}`;
    ctx.textBaseline = 'middle';
    const ends = {};
    for (const line of lines.sort((a, b) => a.x - b.x)) {
      const text = line.at > area.right + 1 ? `${line.label} \u2192` : line.at < area.left - 1 ? `\u2190 ${line.label}` : line.label;
      const width = ctx.measureText(text).width;
      const last = chart.width - width - 2;
      const left = Math.min(last, Math.max(area.left - 30, line.at - width / 2, ends[line.row] || 0));
      if (left < (ends[line.row] || 0) - 8) continue;  // no room: the table has it
      haloed(ctx, text, left, height(line), line.textColour || line.colour, options.halo);
      ends[line.row] = left + width + 12;
    }
    ctx.restore();
  },
};

// Figures at the ends of horizontal bars.
const endLabelsPlugin = {
  id: 'endLabels',
  afterDatasetsDraw(chart, _, options) {
    const {ctx, chartArea: area} = chart;
    ctx.save();
    ctx.font = `11px ${Chart.defaults.font.family}`;
    ctx.textBaseline = 'middle';
    ctx.fillStyle = options.colour;
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.endLabels) return;
      chart.getDatasetMeta(index).data.forEach((bar, row) => {
        const text = dataset.endLabels[row];
        if (!text) return;
        // Beside a bar that points left, the room is on the other side of zero.
        ctx.fillText(text, Math.max(bar.x, bar.base) + 6, bar.y);
      });
    });
    ctx.restore();
  },
};

// Intervals of quality, the link from what was predicted to what was measured, and two names.
const frontierPlugin = {
  id: 'frontierDetails',
  beforeDatasetsDraw(chart, _, options) {
    const {ctx, chartArea: area, scales: {x, y}} = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.left, area.top, area.width, area.height);
    ctx.clip();
    for (const whisker of options.whiskers || []) {
      const at = x.getPixelForValue(whisker.x);
      const ends = [y.getPixelForValue(whisker.low), y.getPixelForValue(whisker.high)];
      ctx.strokeStyle = whisker.colour;
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(at, ends[0]);
      ctx.lineTo(at, ends[1]);
      for (const end of ends) {
        ctx.moveTo(at - 4, end);
        ctx.lineTo(at + 4, end);
      }
      ctx.stroke();
    }
    ctx.strokeStyle = options.linkColour;
    ctx.setLineDash([2, 3]);
    for (const link of options.links || []) {
      ctx.beginPath();
      ctx.moveTo(x.getPixelForValue(link[0].x), y.getPixelForValue(link[0].y));
      ctx.lineTo(x.getPixelForValue(link[1].x), y.getPixelForValue(link[1].y));
      ctx.stroke();
    }
    ctx.restore();
  },
  afterDatasetsDraw(chart, _, options) {
    const {ctx, chartArea: area, scales: {x, y}} = chart;
    ctx.save();
    ctx.font = `600 12px ${Chart.defaults.font.family}`;
    ctx.textBaseline = 'middle';
    for (const label of options.names || []) {
      const at = x.getPixelForValue(label.x);
      const width = ctx.measureText(label.text).width;
      const onLeft = at + 14 + width > area.right;
      const height = y.getPixelForValue(label.y);
      const top = Math.min(area.bottom - 10, Math.max(area.top + 10, height + (label.below ? 18 : -14)));
      const left = onLeft ? at - 12 - width : at + 12;
      haloed(ctx, label.text, left, top, label.colour, options.halo);
    }
    ctx.restore();
  },
};

function axis(colours, title, extra = {}) {
  const {ticks, grid, ...rest} = extra;
  return {
    title: {display: Boolean(title), text: title, color: colours.muted, padding: {top: 6}},
    ticks: {color: colours.muted, maxRotation: 0, autoSkipPadding: 18, ...ticks},
    grid: {color: colours.grid, borderColor: colours.line, tickLength: 5, ...grid},
    ...rest,
  };
}

function base(colours, extra = {}) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    ...extra,
    plugins: {
      legend: {display: false},
      tooltip: {
        backgroundColor: colours.ink, titleColor: colours.page, bodyColor: colours.page,
        padding: 10, cornerRadius: 4, displayColors: false, ...extra.tooltip,
      },
      ...extra.plugins,
    },
  };
}
