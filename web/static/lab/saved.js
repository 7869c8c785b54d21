/** A trace that was saved comes from a file, and a file may have anything in it. */
export const format = 'pushlab-trace';

/** check throws what is wrong with an object that cannot be a trace. */
export function check(object, lanes, limits) {
  const must = (condition, what) => {
    if (!condition) throw new Error(what);
  };
  const finite = (value) => typeof value === 'number' && Number.isFinite(value);
  const textual = (value, names) => names.every((name) => value[name] === undefined || value[name] === null || typeof value[name] === 'string');
  const numeric = (value, names) => names.every((name) => value[name] === undefined || finite(value[name]));
  must(object?.format === format, 'this is not a trace of Pushlab');
  must(object.version === 1, `this is a trace of version ${object.version}; only version 1 is understood`);
  must(finite(object.now), 'the trace has no time');
  for (const [name, most] of Object.entries({ items: limits.items, published: 2 * limits.published, spans: limits.spans, connections: 2 * limits.connections, records: limits.records })) {
    must(Array.isArray(object[name]) && object[name].length <= most, `${name}: not a list, or too long`);
  }
  let last = -Infinity;
  for (const item of object.items) {
    must(item && typeof item.ref === 'string' && typeof item.kind === 'string' && finite(item.at) && item.at >= last, 'items: one without a name, a kind or a time, or out of order');
    must(item.lane === null || item.lane === undefined || lanes.includes(item.lane), 'items: one of an unknown lane');
    must(textual(item, ['dir', 'id', 'topic', 'label', 'text']), 'items: one whose text is none');
    must(numeric(item, ['seq', 'index', 'conn', 'sent', 'received', 'published', 'began', 'answered', 'offset', 'length', 'payload', 'exchange', 'until', 'missed']), 'items: one whose number is none');
    last = item.at;
  }
  for (const event of object.published) must(typeof event?.id === 'string' && finite(event.at), 'published: one without an id or a time');
  for (const span of object.spans) must(span && finite(span.from) && (span.lane === null || lanes.includes(span.lane)) && textual(span, ['text', 'kind']) && numeric(span, ['to']), 'spans: one without a beginning');
  for (const c of object.connections) must(c && finite(c.conn) && finite(c.opened) && lanes.includes(c.lane) && numeric(c, ['closed', 'silenced']) && textual(c, ['ending', 'why', 'endedBy']), 'connections: one that is none');
  for (const name of lanes) {
    const lane = object.lanes?.[name];
    must(Array.isArray(lane?.states) && lane.states.length <= limits.states && typeof lane.totals === 'object' && lane.totals && Object.values(lane.totals).every(finite), `lanes: ${name} is missing`);
    must(lane.states.every((s) => finite(s?.at) && textual(s, ['state', 'reason'])), `lanes: a state of ${name} has no time`);
  }
  must(object.log && textual(object.log, ['head', 'oldest']) && numeric(object.log, ['events', 'bytes', 'history']), 'log: it has no head');
  must(Array.isArray(object.streams) && object.proxies && typeof object.proxies === 'object', 'streams, proxies: missing');
  must(object.records.every((entry) => Array.isArray(entry) && finite(entry[0]) && entry[1] && typeof entry[1] === 'object'), 'records: one without a number');
  must(Array.isArray(object.incidents), 'incidents: not a list');
  for (const incident of object.incidents) {
    must(incident && finite(incident.at) && (incident.lane === null || lanes.includes(incident.lane)), 'incidents: one without a lane or a time');
    must(textual(incident, ['kind', 'ref', 'how', 'cause', 'reason', 'after']), 'incidents: one whose text is none');
  }
}
