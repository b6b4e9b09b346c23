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
  // Long names keep both ends: what tells layers apart is mostly at the end.
  short(text, most) {
    const letters = Array.from(text);
    if (letters.length <= most) return text;
    const head = Math.floor((most - 1) / 2);
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

// Vertical lines over the whole plot, their labels in rows above it. Labels of one row never
// overlap: each starts after the one before, and merges with it where they say the same place.
const marksPlugin = {
  id: 'marks',
  afterDatasetsDraw(chart, _, options) {
    const {ctx, chartArea: area, scales: {x}} = chart;
    const placed = [];
    ctx.save();
    ctx.font = `12px ${Chart.defaults.font.family}`;
    ctx.textBaseline = 'middle';
    const lines = (options.lines || []).filter((line) => isFinite(line.x));
    for (const line of lines.slice().sort((a, b) => a.x - b.x)) {
      const at = x.getPixelForValue(line.x);
      const outside = at > area.right + 1 || at < area.left - 1;
      const y = area.top - 12 - 18 * line.row;
      ctx.strokeStyle = ctx.fillStyle = line.colour;
      if (!outside) {
        ctx.lineWidth = line.width || 1;
        ctx.setLineDash(line.dash || []);
        ctx.beginPath();
        ctx.moveTo(at, area.bottom);
        ctx.lineTo(at, y + 8);
        ctx.stroke();
      }
      const text = outside ? (at > area.right ? line.label + ' \u2192' : '\u2190 ' + line.label) : line.label;
      const width = ctx.measureText(text).width;
      let left = Math.max(area.left, Math.min(at - width / 2, chart.width - width - 2));
      const before = placed.filter((label) => label.row === line.row).pop();
      if (before) left = Math.max(left, before.right + 12);
      left = Math.min(left, chart.width - width - 2);
      if (before && left < before.right + 4) continue;  // no room: the text below says it
      ctx.fillText(text, left, y);
      placed.push({row: line.row, right: left + width});
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
        const backwards = dataset.data[row] < 0;
        ctx.textAlign = backwards ? 'right' : 'left';
        ctx.fillText(text, Math.max(bar.x, area.left) + (backwards ? -6 : 6), bar.y);
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
      ctx.strokeStyle = options.halo;
      ctx.lineWidth = 4;
      ctx.lineJoin = 'round';
      ctx.strokeText(label.text, left, top);
      ctx.fillStyle = label.colour;
      ctx.fillText(label.text, left, top);
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
