// What the report draws, on Chart.js 3. Each function takes the data and the palette and returns a
// Chart configuration (and a height where rows give it), or null where there is nothing to draw.
'use strict';

// --- quality against latency -------------------------------------------------------------------

const placeOf = (point) => ({
  x: point.measured_ms !== null ? point.measured_ms : point.predicted_ms,
  y: point.measured_ms !== null && point.examples > 0 ? point.quality : point.predicted_quality,
});

// Nothing is both faster and better than what this keeps.
function paretoLine(points) {
  const places = points.filter((point) => point.on_frontier).map(placeOf);
  places.sort((a, b) => a.x - b.x || b.y - a.y);
  let best = -Infinity;
  return places.filter((place) => place.y > best && (best = place.y, true));
}

// The range that shows the frontier well. Variants far below it are drawn at the lower edge, and
// intervals that would flatten everything run out of it.
function qualityRange(points, line, whiskers) {
  const all = points.map((point) => placeOf(point).y);
  const shown = line.length ? line.map((place) => place.y) : all;
  const [least, most] = [Math.min(...shown), Math.max(...shown, ...all)];
  const span = Math.max(most - least, 0.002);
  const low = Math.min(least, ...whiskers.map((whisker) => whisker.low), ...all);
  const high = Math.max(most, ...whiskers.map((whisker) => whisker.high));
  const max = Math.min(high, most + 0.6 * span, 1) + 0.06 * span;
  return {min: Math.min(Math.max(low, least - 0.6 * span) - 0.06 * span, max - span), max};
}

function frontierSeries(data, colours) {
  const series = {predicted: [], measured: [], chosen: [], original: [], links: [], whiskers: [], names: []};
  data.points.forEach((point, index) => {
    const place = {...placeOf(point), index};
    const predicted = {x: point.predicted_ms, y: point.predicted_quality, index};
    const isOriginal = index === 0 && point.label.startsWith('original');
    const kind = point.chosen ? 'chosen' : isOriginal ? 'original' : point.measured_ms !== null ? 'measured' : 'predicted';
    series[kind].push(place);
    if (point.measured_ms !== null && !isOriginal) {
      series.predicted.push(predicted);
      series.links.push([predicted, place]);
    }
    if (point.examples > 0 && (point.chosen || isOriginal)) {
      series.whiskers.push({x: place.x, low: point.quality_low, high: point.quality_high,
                            colour: point.chosen ? colours.accent : colours.before});
    }
    if (point.chosen) series.names.push({...place, text: isOriginal ? 'original, chosen' : 'chosen', colour: colours.accent});
    else if (isOriginal) series.names.push({...place, text: 'original', colour: colours.muted});
  });
  return series;
}

function frontierDatasets(data, colours, series, line, range) {
  // What lies under the range becomes a triangle on its lower edge that points down.
  const clipped = (places) => places.map((place) => ({...place, below: place.y < range.min, y: Math.max(place.y, range.min)}));
  const dots = (places, style) => {
    const kept = clipped(places);
    return {
      type: 'scatter', data: kept, clip: false, ...style,
      pointStyle: kept.map((place) => (place.below ? 'triangle' : style.pointStyle || 'circle')),
      rotation: kept.map((place) => (place.below ? 180 : 0)),
    };
  };
  return [
    dots(series.chosen, {pointRadius: 8, pointHoverRadius: 9, backgroundColor: colours.accent, borderColor: colours.page, borderWidth: 2}),
    dots(series.original, {pointRadius: 6, pointHoverRadius: 7, pointStyle: 'rect', backgroundColor: colours.before, borderColor: colours.page, borderWidth: 1}),
    dots(series.measured, {pointRadius: 4.5, pointHoverRadius: 6, backgroundColor: colours.accent, borderColor: colours.page, borderWidth: 1}),
    dots(series.predicted, {pointRadius: 4, pointHoverRadius: 6, backgroundColor: colours.page, borderColor: colours.accent, borderWidth: 1.2}),
    {type: 'line', data: line, stepped: 'before', borderColor: colours.accent, borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0},
  ];
}

function frontierTooltip(data) {
  return {
    filter: (item) => item.raw.index !== undefined,
    callbacks: {
      title: (items) => (items.length ? data.points[items[0].raw.index].label : ''),
      label: (item) => {
        const point = data.points[item.raw.index];
        const lines = [`predicted ${format.ms(point.predicted_ms)} ms, ${format.quality(point.predicted_quality, data.metric)}`];
        if (point.measured_ms !== null) {
          lines.push(`${data.predicted_for ? 'cost model' : 'measured'} ${format.ms(point.measured_ms)} ms` + (point.examples > 0 ? `, ${format.quality(point.quality, data.metric)}` : ''));
        }
        return lines;
      },
    },
  };
}

function frontierChart(data, colours) {
  if (!data.points.length) return null;
  const series = frontierSeries(data, colours);
  const line = paretoLine(data.points);
  const range = qualityRange(data.points, line, series.whiskers);
  const times = data.points.flatMap((point) => [placeOf(point).x, point.predicted_ms]);
  const [least, most] = [Math.min(...times), Math.max(...times)];
  const margin = 0.07 * (most - least) || 0.1 * most || 1;
  const budget = data.page.budget_line;
  const lines = budget && budget.p50_ms > 0 ? [{
    x: budget.p50_ms, row: 0, colour: colours.limit, dash: [6, 4], width: 1.5,
    label: `budget ${budget.statistic} \u2264 ${Number(budget.bound_ms.toPrecision(4))} ms`,
  }] : [];
  const near = lines.length && budget.p50_ms < most + 0.6 * (most - least) && budget.p50_ms > least - 0.6 * (most - least);
  const limits = near ? [Math.min(least, budget.p50_ms), Math.max(most, budget.p50_ms)] : [least, most];
  return {
    data: {datasets: frontierDatasets(data, colours, series, line, range)},
    options: base(colours, {
      layout: {padding: {top: 26, right: 8}},
      scales: {
        x: axis(colours, 'median latency, ms', {type: 'linear', min: Math.max(0, limits[0] - margin), max: limits[1] + margin,
          ticks: {callback: plainNumber, includeBounds: false}}),
        y: axis(colours, isNarrow() ? '' : `quality (${data.metric})`, {...range,
          ticks: {includeBounds: false, callback: (value, _, ticks) => qualityTick(value, ticks, data.metric)}}),
      },
      tooltip: frontierTooltip(data),
      plugins: {
        marks: {lines, halo: colours.page},
        frontierDetails: {links: series.links, whiskers: series.whiskers, names: series.names, linkColour: colours.before, halo: colours.page},
      },
    }),
    plugins: [marksPlugin, frontierPlugin],
  };
}

const plainNumber = (value) => String(Number(value.toPrecision(6)));

// As many digits as tell one tick from the next.
function qualityTick(value, ticks, metric) {
  if (value > 1 + 1e-9) return '';
  const scale = metric === 'cosine' ? 1 : 100;
  const step = ticks.length > 1 ? scale * Math.abs(ticks[1].value - ticks[0].value) : 1;
  const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-6)));
  return (scale * value).toFixed(digits + (step * 10 ** digits % 1 > 0.01 && step * 10 ** digits % 1 < 0.99 ? 1 : 0)) + (scale === 100 ? '\u202f%' : '');
}

// On a logarithmic axis the round values, and not what the range happens to end with.
function logarithmicTick(value) {
  const leading = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [1, 2, 3, 5].some((round) => Math.abs(leading - round) < 1e-6) ? plainNumber(value) : '';
}

// --- where the time goes -----------------------------------------------------------------------

const shownLayers = 14;

function precisionColour(precision, colours) {
  return {int8: colours.accent, bf16: colours.bf16}[precision] || colours.fp32;
}

// The longest steps, and the rest as one row unless it would dwarf them: then `rest` has it alone.
function layerRows(data) {
  const rows = data.page.layers.slice(0, shownLayers);
  const others = data.page.layers.slice(shownLayers);
  const longest = Math.max(0, ...rows.flatMap((row) => [row.before_ms, row.after_ms]));
  const sum = (key) => others.reduce((total, row) => total + row[key], 0);
  let rest = null;
  if (others.length) {
    const main = others.reduce((most, row) => (row.after_ms > most.after_ms ? row : most));
    rest = {name: `${others.length} more`, before_ms: sum('before_ms'), after_ms: sum('after_ms'), precision_after: main.precision_after};
    if (Math.max(rest.before_ms, rest.after_ms) <= 1.5 * longest) {
      rows.push(rest);
      rest = null;
    }
  }
  const overhead = {name: 'between steps', before_ms: data.original.overhead_ms, after_ms: data.fitted.overhead_ms};
  if (rows.length && (overhead.before_ms > 0 || overhead.after_ms > 0)) rows.push(overhead);
  return {rows, rest};
}

function layersChart(data, colours) {
  const {rows} = layerRows(data);
  if (!rows.length) return null;
  const width = isNarrow() ? 15 : 30;
  const most = Math.max(...rows.flatMap((row) => [row.before_ms, row.after_ms]), 0);
  return {
    type: 'bar',
    height: 60 + 38 * rows.length,
    data: {
      labels: rows.map((row) => format.short(row.name, width)),
      datasets: [
        {data: rows.map((row) => row.before_ms), backgroundColor: colours.before,
          endLabels: rows.map((row) => (row.before_ms > 0 ? format.ms(row.before_ms) : ''))},
        {data: rows.map((row) => row.after_ms),
          backgroundColor: rows.map((row) => precisionColour(row.precision_after, colours)),
          endLabels: rows.map((row) => (row.after_ms > 0 ? format.ms(row.after_ms) : ''))},
      ].map((dataset) => ({...dataset, barPercentage: 0.92, categoryPercentage: 0.72, borderRadius: 2})),
    },
    options: base(colours, {
      indexAxis: 'y',
      layout: {padding: {right: 8}},
      interaction: {mode: 'index', axis: 'y', intersect: false},
      scales: {
        x: axis(colours, 'median time, ms', {beginAtZero: true, suggestedMax: 1.12 * most || 1, ticks: {callback: plainNumber}}),
        y: axis(colours, '', {grid: {display: false}, ticks: {color: colours.ink, autoSkip: false}}),
      },
      tooltip: {callbacks: {
        title: (items) => rows[items[0].dataIndex].name + (rows[items[0].dataIndex].op ? ` (${rows[items[0].dataIndex].op})` : ''),
        label: (item) => {
          const row = rows[item.dataIndex];
          const precision = item.datasetIndex ? row.precision_after : row.precision_before;
          return `${item.datasetIndex ? 'fitted' : 'original'}: ${format.ms(item.raw)} ms${precision ? ', ' + precision : ''}`;
        },
      }},
      plugins: {endLabels: {colour: colours.muted}},
    }),
    plugins: [endLabelsPlugin],
  };
}

// --- sensitivity -------------------------------------------------------------------------------

const shownSensitivities = 16;

function sensitivityRows(data) {
  return data.sensitivities
    .map((row) => ({...row, saved_ms: row.original_ms - row.lowered_ms}))
    .sort((a, b) => b.saved_ms - a.saved_ms);
}

function sensitivityChart(data, colours) {
  const rows = sensitivityRows(data).slice(0, shownSensitivities);
  if (!rows.length) return null;
  const several = new Set(rows.map((row) => row.precision)).size > 1;
  const narrow = isNarrow();
  const name = (row) => format.short(row.node, narrow ? 14 : 28) + (several ? ` ${row.precision}` : '');
  const fill = rows.map((row) => (row.chosen ? precisionColour(row.precision, colours) : colours['before-soft']));
  const edge = rows.map((row) => (row.chosen ? precisionColour(row.precision, colours) : colours.before));
  const bars = (values, axisName, text) => ({
    data: values, xAxisID: axisName, grouped: false, backgroundColor: fill, borderColor: edge,
    borderWidth: 1, borderRadius: 2, borderSkipped: false, categoryPercentage: 0.7, barPercentage: 0.85,
    endLabels: values.map(text),
  });
  // Limits that are no round numbers, so that no tick stands where the two axes meet.
  const room = (values) => {
    const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
    const span = most - least || 1;
    return {min: least < 0 ? least - 0.051 * span : 0, max: most + (narrow ? 0.601 : 0.251) * span};
  };
  const saved = rows.map((row) => row.saved_ms);
  const costs = rows.map((row) => row.output_error);
  const costText = (value) => value.toPrecision(2);
  // What the choice goes by: differences in the metric are mostly sampling noise for one layer.
  const costTitle = narrow ? 'outputs change' : 'change of the outputs, 1 \u2212 cosine similarity';
  const ticks = {callback: plainNumber, includeBounds: false, maxTicksLimit: narrow ? 3 : 6};
  return {
    type: 'bar',
    height: 64 + 28 * rows.length,
    data: {labels: rows.map(name), datasets: [bars(saved, 'x', format.ms), bars(costs, 'cost', costText)]},
    options: base(colours, {
      indexAxis: 'y',
      interaction: {mode: 'index', axis: 'y', intersect: false},
      scales: {
        x: axis(colours, narrow ? 'saves, ms' : 'time saved, ms', {stack: 'both', stackWeight: 1, position: 'bottom', ticks, ...room(saved)}),
        cost: axis(colours, costTitle, {stack: 'both', stackWeight: 1, position: 'bottom', ticks, ...room(costs)}),
        y: axis(colours, '', {grid: {display: false}, ticks: {color: colours.ink, autoSkip: false}}),
      },
      tooltip: {callbacks: {
        title: (items) => `${rows[items[0].dataIndex].node} at ${rows[items[0].dataIndex].precision}`,
        label: (item) => (item.datasetIndex ? `outputs change by ${costText(item.raw)}` : `saves ${format.ms(item.raw)} ms`),
      }},
      plugins: {endLabels: {colour: colours.muted}},
    }),
    plugins: [endLabelsPlugin],
  };
}

// --- the spread of latency ---------------------------------------------------------------------

function latencyMarks(data, colours) {
  const lines = [];
  const styles = [['p50', []], ['p90', [5, 4]], ['p99', [1, 3]]];
  [['original', colours.before, colours.muted], ['fitted', colours.accent, colours.accent]].forEach(([variant, colour, textColour], row) => {
    for (const [name, dash] of styles) {
      lines.push({x: data[variant].latency_ms[name], row, colour, textColour, dash, width: 1.2, label: `${name} ${format.ms(data[variant].latency_ms[name])}`});
    }
  });
  for (const bound of data.budget.bounds) {
    lines.push({x: bound.ms, row: 2, colour: colours.limit, dash: [6, 4], width: 1.5,
      label: `budget ${bound.statistic} \u2264 ${Number(bound.ms.toPrecision(4))} ms`});
  }
  return lines;
}

function latencyChart(data, colours) {
  const {edges, original, fitted, logarithmic} = data.page.histogram;
  if (!edges.length) return null;
  // A staircase: each share holds from one edge to the next, and falls to zero at the last.
  const stairs = (shares) => edges.map((edge, i) => ({x: edge, y: 100 * (i < shares.length ? shares[i] : 0)}));
  const area = (shares, colour, soft) => ({
    data: stairs(shares), stepped: 'before', fill: true, borderColor: colour, backgroundColor: soft,
    borderWidth: 1.3, pointRadius: 0, pointHitRadius: 6,
  });
  return {
    type: 'line',
    data: {datasets: [area(fitted, colours.accent, colours['accent-soft']), area(original, colours.before, colours['before-soft'])]},
    options: base(colours, {
      layout: {padding: {top: 62, right: 8}},
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      scales: {
        x: axis(colours, 'latency of one run, ms', {type: logarithmic ? 'logarithmic' : 'linear', min: edges[0], max: edges[edges.length - 1],
          ticks: {callback: logarithmic ? logarithmicTick : plainNumber, includeBounds: false, autoSkip: !logarithmic}}),
        y: axis(colours, isNarrow() ? '' : 'share of the runs', {beginAtZero: true, ticks: {callback: (value) => plainNumber(value) + '\u202f%'}}),
      },
      tooltip: {callbacks: {
        title: (items) => `from ${format.ms(items[0].raw.x)} ms`,
        label: (item) => `${item.datasetIndex ? 'original' : 'fitted'}: ${item.raw.y.toFixed(1)} % of the runs`,
      }},
      plugins: {marks: {lines: latencyMarks(data, colours), halo: colours.page}},
    }),
    plugins: [marksPlugin],
  };
}
