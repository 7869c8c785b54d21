// Invented traces for the lessons' observations (testLessonFacts): what proves them, and what only looks like it. It is
// evaluated in the page, and returns what failed.
async () => {
  const { lessons: list } = await import('/lessons/index.js');
  const lessons = (await Promise.all(list.map(({ load }) => load()))).map(({ lesson }) => lesson);
  const { Facts, busiest, ended } = await import('/lessons/facts.js');
  const { load } = await import('/text.js');
  await load('lessons');
  const failures = [];

  /** A trace that grows by what happens; times in milliseconds, each lane's newest connection and exchange. */
  class Story {
    items = [];
    published = new Map();
    log = { head: 'e-0', oldest: 'e-0', bytes: 1000 };
    streams = [];
    notes = [];
    own = {};
    now = 0;
    lane = 'longpoll';
    conn = 1;
    exchange = 1;
    #n = 0;

    constructor(tell) { tell(this); }

    item(kind, at, more = {}) {
      const down = ['response', 'event', 'control', 'end', 'ping'];
      const item = {
        ref: `${++this.#n}.0`, lane: this.lane, conn: this.conn, exchange: this.exchange, kind, at, dir: down.includes(kind) ? 'down' : 'up', length: 100, payload: 80, ...more,
      };
      this.items.push(item);
      this.now = Math.max(this.now, at);
      return item;
    }

    mark(kind, at, more) { return this.item(kind, at, { length: undefined, ...more }); }
    note(key, value, at = this.now, done = at) { this.notes.push({ key, value, at, done }); }
    publish(seq, at) {
      this.published.set(`e-${seq}`, { at, n: 64, topic: 'lab' });
      this.log = { ...this.log, head: `e-${seq}` };
      this.now = Math.max(this.now, at);
    }

    /** A poll with its answer: events are numbers. */
    poll(at, answered, { status = 204, events = [], id = 'e-0' } = {}) {
      this.exchange++;
      this.item('request', at, { id, label: 'GET /longpoll?wait=0' });
      this.item('response', answered, { label: `${status} whatever` });
      for (const seq of events) this.item('event', answered, { id: `e-${seq}`, topic: 'lab' });
    }

    /** The beginning of a stream on a new connection. */
    stream(at, more) {
      this.conn++;
      this.item('request', at, { label: `GET /${this.lane}`, ...more });
      this.item('response', at + 1, { label: '200 OK, text/event-stream' });
    }

    event(seq, at, more) { return this.item('event', at, { id: `e-${seq}`, topic: 'lab', ...more }); }
    facts() { return new Facts({ trace: this, notes: this.notes, own: this.own, now: this.now, since: 0 }); }
  }

  const check = (key, observation, want, name, tell) => {
    const lesson = lessons.find((one) => one.key === key);
    const story = new Story(tell);
    const found = lesson.observations.find((one) => one.key === observation).seen(story.facts(), { lane: () => ({ state: 'open' }), app: { trace: story } });
    if (Boolean(found) !== want) failures.push(`${key}.${observation}: ${name}: ${want ? 'not seen' : `seen, ${JSON.stringify(found)}`}`);
    if (found?.item && !story.items.some(({ ref }) => ref === found.item)) failures.push(`${key}.${observation}: ${name}: points to nothing`);
  };
  const proves = (key, observation, name, tell) => check(key, observation, true, name, tell);
  const not = (key, observation, name, tell) => check(key, observation, false, name, tell);

  // An empty trace proves nothing, and nobody stumbles over it.
  for (const lesson of lessons) {
    for (const { key } of lesson.observations) not(lesson.key, key, 'an empty trace', () => {});
    const story = new Story(() => {});
    const { outcome } = lesson.summary(story.facts(), {}, {});
    if (outcome) failures.push(`${lesson.key}: an empty trace answers the question: ${outcome}`);
  }

  const polls = (n, more) => (s) => { for (let i = 0; i < n; i++) s.poll(1000 * i, 1000 * i + 5, more); };
  proves('asking', 'empty', 'five', polls(5));
  not('asking', 'empty', 'four', polls(4));
  not('asking', 'empty', 'five without a cursor, which ask where now is', polls(5, { id: null }));
  not('asking', 'empty', 'five with an event', polls(5, { status: 200, events: [1] }));
  const late = (ms) => (s) => {
    s.publish(1, 1000 - ms);
    s.poll(995, 1000, { status: 200, events: [1] });
  };
  proves('asking', 'waited', 'for 100 ms', late(100));
  not('asking', 'waited', 'for 90 ms', late(90));
  const often = (value) => (s) => {
    s.note('every', value, 0);
    for (let i = 0; i < 10; i++) s.poll(250 * i + 10, 250 * i + 15);
  };
  proves('asking', 'oftener', 'ten', often('0.25'));
  not('asking', 'oftener', 'ten, but once a second', often('1'));

  proves('holding', 'held', 'for 1.5 s', (s) => s.poll(0, 1500));
  not('holding', 'held', 'for 1.4 s', (s) => s.poll(0, 1400));
  not('holding', 'held', 'without an answer', (s) => s.item('request', 0, { id: 'e-0', label: 'GET /longpoll' }));
  const caught = (asked, answered) => (s) => {
    s.publish(1, 1000);
    s.poll(asked, answered, { status: 200, events: [1] });
  };
  proves('holding', 'caught', 'by a poll that waited', caught(600, 1010));
  not('holding', 'caught', 'by a poll that came later', caught(1005, 1010));
  not('holding', 'caught', 'but not at once', caught(600, 1800));
  proves('holding', 'timeout', 'after two seconds', (s) => s.poll(0, 2000));
  not('holding', 'timeout', 'at once', (s) => s.poll(0, 5));
  not('holding', 'timeout', 'with an event', (s) => s.poll(0, 2000, { status: 200, events: [1] }));
  const goesOn = (id) => (s) => {
    s.poll(0, 100, { status: 200, events: [1, 2] });
    s.poll(110, 115, { id });
  };
  proves('holding', 'cursor', 'of the last event', goesOn('e-2'));
  not('holding', 'cursor', 'of another event', goesOn('e-1'));

  // What an event cost is noted: totals before and after.
  const none = { up: 0, down: 0, head: 0, framing: 0, payload: 0, segments: 0, control: 0 };
  const weighed = (after, size = 64) => (s) => {
    const before = Object.fromEntries(Object.keys(after).map((lane) => [lane, none]));
    for (const lane of Object.keys(after)) {
      s.lane = lane;
      s.event(1, 10);
    }
    s.note('weighed', { id: 'e-1', size, before, after: Object.fromEntries(Object.entries(after).map(([lane, of]) => [lane, { ...none, ...of }])) });
  };
  const typical = { longpoll: { up: 466, down: 535, head: 850 }, httpstream: { down: 112, framing: 7 }, sse: { down: 134, framing: 29 }, websocket: { down: 107, framing: 2 } };
  proves('cost', 'everywhere', 'an event on four lanes', weighed(typical));
  proves('cost', 'again', 'a request by long polling alone', weighed(typical));
  not('cost', 'again', 'when a stream asked, too', weighed({ ...typical, sse: { up: 400, down: 600 } }));
  proves('cost', 'framing', 'in this order', weighed(typical));
  not('cost', 'framing', 'in another', weighed({ ...typical, sse: { down: 100, framing: 1 } }));
  not('cost', 'large', 'a small one only', weighed(typical));
  proves('cost', 'large', 'both', (s) => {
    weighed(typical)(s);
    weighed({ ...typical, longpoll: { up: 466, down: 16_857 } }, 16_384)(s);
  });

  const endless = (n, end) => (s) => {
    s.lane = 'sse';
    s.stream(0);
    for (let i = 1; i <= n; i++) s.event(i, 10 * i);
    if (end) s.item('end', 500);
  };
  proves('streaming', 'endless', 'three events', endless(3));
  not('streaming', 'endless', 'two events', endless(2));
  not('streaming', 'endless', 'a response that has ended', endless(3, true));
  const both = (seq) => (s) => {
    s.lane = 'httpstream';
    s.event(1, 10);
    s.lane = 'sse';
    s.event(seq, 10);
  };
  proves('streaming', 'fields', 'the same event', both(1));
  not('streaming', 'fields', 'two events', both(2));
  const pieces = (value, received) => (s) => {
    s.lane = 'sse';
    s.note('split', value, 5);
    s.event(1, 10, { received, sent: 9 });
    s.event(2, 20, { received, sent: 19 });
  };
  proves('streaming', 'pieces', 'in the page', pieces('on', 30));
  not('streaming', 'pieces', 'not in the page', pieces('on'));
  not('streaming', 'pieces', 'when nothing was split', pieces('off', 30));
  const ends = (polite, cut) => (s) => {
    s.lane = 'sse';
    s.stream(0);
    if (polite) s.item('control', 10, { topic: '$bye' });
    if (polite) s.item('end', 11);
    s.mark('fin', 12);
    s.stream(20);
    if (cut) s.note('cut', undefined, 30);
    s.mark('fin', 31);
  };
  proves('streaming', 'ends', 'one of each', ends(true, true));
  not('streaming', 'ends', 'cut, but never ended', ends(false, true));
  not('streaming', 'ends', 'ended, but not cut', ends(true, false));

  const away = ({ missed = 5, came = missed, after = 'e-2', gap } = {}) => (s) => {
    s.lane = 'sse';
    s.stream(0);
    s.event(2, 10);
    s.note('away', undefined, 20);
    s.mark('fin', 21);
    for (let i = 0; i < missed; i++) s.publish(3 + i, 30 + i);
    s.stream(100, { id: after });
    if (gap) s.item('control', 102, { topic: '$gap', missed: gap, id: 'e-4' });
    for (let i = missed - came; i < missed; i++) s.event(3 + i, 103, { replay: true });
  };
  proves('resuming', 'absent', 'for five', away());
  not('resuming', 'absent', 'for four', away({ missed: 4 }));
  proves('resuming', 'cursor', 'of the last event', away());
  not('resuming', 'cursor', 'from now', away({ after: null }));
  proves('resuming', 'replayed', 'all five', away());
  not('resuming', 'replayed', 'four of five', away({ came: 4 }));
  proves('resuming', 'gap', 'of two', away({ came: 3, gap: 2 }));
  not('resuming', 'gap', 'that nobody announced', away({ came: 3 }));

  const shake = (s, at, status, label = 'GET /websocket') => {
    s.lane = 'websocket';
    s.conn++;
    s.item('request', at, { label });
    s.item('response', at + 1, { label: `${status} whatever` });
  };
  proves('switching', 'switched', '101', (s) => shake(s, 0, 101));
  not('switching', 'switched', '403', (s) => shake(s, 0, 403));
  not('switching', 'switched', 'of the stranger', (s) => shake(s, 0, 101, 'GET /websocket?from=stranger'));
  const frames = (up, down) => (s) => {
    s.lane = 'websocket';
    s.item('message', 10, { dir: 'up', length: 80 + up });
    s.event(1, 11, { length: 80 + down });
  };
  proves('switching', 'masked', 'six and two', frames(6, 2));
  not('switching', 'masked', 'two and two', frames(2, 2));
  const ping = (conn) => (s) => {
    s.lane = 'websocket';
    s.item('ping', 10);
    s.conn = conn;
    s.item('pong', 11);
  };
  proves('switching', 'ping', 'and its pong', ping(1));
  not('switching', 'ping', 'and a pong elsewhere', ping(2));
  const attack = (first, second) => (s) => {
    s.note('guard', 'on', 0);
    shake(s, 10, first, 'GET /websocket?from=stranger');
    s.note('guard', 'off', 20);
    shake(s, 30, second, 'GET /websocket?from=stranger');
  };
  proves('switching', 'attack', 'refused, then let in', attack(403, 101));
  not('switching', 'attack', 'refused both times', attack(403, 403));
  not('switching', 'attack', 'let in both times', attack(101, 101));

  const proxied = (value, ms, n = 3) => (s) => {
    s.note('proxy', value, 0);
    for (let i = 1; i <= n; i++) {
      s.publish(i, 100 * i);
      s.lane = 'sse';
      s.event(i, 100 * i + ms);
      s.lane = 'websocket';
      s.event(i, 100 * i + 3);
    }
  };
  proves('middle', 'late', 'by a second and a half', proxied('buffer', 1500));
  not('middle', 'late', 'by half a second', proxied('buffer', 500));
  not('middle', 'late', 'but nobody was between', proxied('off', 1500));
  proves('middle', 'late', 'never, for fifteen seconds', (s) => {
    proxied('buffer', 1500, 1)(s);
    s.publish(2, 2000);
    s.now = 17_001;
  });
  proves('middle', 'obeyed', 'at once', proxied('accel', 3));
  not('middle', 'obeyed', 'late all the same', proxied('accel', 1500));
  const quiet = (value, ms) => (s) => {
    s.lane = 'sse';
    s.note('silence', value, 0);
    s.stream(10);
    s.mark('fin', 11 + ms);
  };
  proves('middle', 'dropped', 'after five seconds', quiet('mute', 5000));
  not('middle', 'dropped', 'after one second', quiet('mute', 1000));
  not('middle', 'dropped', 'with heartbeats', quiet('beats', 5000));
  const beats = (n, apart) => (s) => {
    s.lane = 'sse';
    s.note('silence', 'beats', 0);
    s.stream(10);
    for (let i = 1; i <= n; i++) s.item('control', apart * i, { topic: '$beat' });
  };
  proves('middle', 'kept', 'by four in six seconds', beats(4, 2000));
  not('middle', 'kept', 'by three', beats(3, 2000));
  not('middle', 'kept', 'for three seconds', beats(4, 1000));

  const opened = (value, n, lane = 'sse', status = 200) => (s) => {
    s.lane = lane;
    for (let i = 0; i < n; i++) {
      s.conn++;
      s.item('request', 10 + i, { label: `GET /${lane}` });
      s.item('response', 20 + i, { label: `${status} whatever` });
    }
    s.note('where', value, 5);
    s.now = 2000;
  };
  proves('many', 'six', 'of seven', opened('one', 6));
  not('many', 'six', 'seven of seven', opened('one', 7));
  not('many', 'six', 'on seven hosts', opened('hosts', 6));
  not('many', 'six', 'too early to say', (s) => {
    opened('one', 6)(s);
    s.now = 500;
  });
  const waited = (ms) => (s) => {
    s.lane = 'sse';
    s.item('request', 3000, { label: 'GET /version' });
    s.note('answered', { at: 500, where: 'one', ms });
  };
  proves('many', 'waits', 'for two seconds', waited(2000));
  not('many', 'waits', 'for nothing', waited(5));
  proves('many', 'hosts', 'all seven', opened('hosts', 7));
  not('many', 'hosts', 'six', opened('hosts', 6));
  proves('many', 'others', 'all seven', opened('websocket', 7, 'websocket', 101));
  not('many', 'others', 'when the handshake failed', opened('websocket', 7, 'websocket', 403));

  const batch = (n, rate = '1000') => (s) => {
    s.note('rate', rate, 0);
    s.poll(10, 20, { status: 200, events: Array.from({ length: n }, (_, i) => i + 1) });
  };
  proves('load', 'batch', 'of five', batch(5));
  not('load', 'batch', 'of four', batch(4));
  not('load', 'batch', 'that had gathered at one a second', batch(5, '1'));
  const behind = (seq, other, value = 'stalled') => (s) => {
    s.note('reader', value, 0);
    s.publish(1000, 10);
    s.streams = [{ lane: 'httpstream', cursor: `e-${seq}` }];
    s.event(other, 20);
  };
  proves('load', 'behind', 'by nine hundred', behind(100, 990));
  not('load', 'behind', 'by a hundred', behind(900, 990));
  not('load', 'behind', 'as all others are', behind(100, 200));
  not('load', 'behind', 'though it reads', behind(100, 990, 'reads'));
  const gap = (missed) => (s) => {
    s.lane = 'httpstream';
    s.note('reader', 'stalled', 0);
    s.item('control', 10, { topic: '$gap', missed });
  };
  proves('load', 'gap', 'of a thousand', gap(1000));
  not('load', 'gap', 'of none', gap(0));
  const storm = (keys) => (s) => {
    s.lane = 'sse';
    for (const [i, key] of keys.entries()) {
      for (let j = 0; j < 20; j++) s.item('request', 10_000 * i + 10 + j * (key === 'storm-jitter' ? 100 : 1), { label: 'GET /sse' });
      s.note(key, { from: 10_000 * i, to: 10_000 * i + 5000 });
    }
  };
  proves('load', 'storm', 'of both kinds', storm(['storm-fixed', 'storm-jitter']));
  not('load', 'storm', 'of one kind', storm(['storm-fixed']));

  if (busiest([0, 50, 100, 101, 500], 100) !== 3) failures.push('busiest: the fullest window is from 0 to 100, or from 50 to 101');
  if (ended({ kind: 'close', length: 4 }) || !ended({ kind: 'close' })) failures.push('ended: a close frame is not the end of the connection');
  return failures;
}
