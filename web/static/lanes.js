/**
 * The page: four lanes, one for each transport, and a box to publish from.
 *
 * The transports know nothing of the page: they call back, a Ledger counts, and a lane draws what is new once per
 * animation frame, however many events came in between. Text goes in by textContent only: what others published is
 * never markup.
 */
import { Ledger } from './ledger.js';
import * as longpoll from './transports/longpoll.js';
import * as httpstream from './transports/httpstream.js';
import * as sse from './transports/sse.js';
import * as sseFetch from './transports/sse-fetch.js';
import * as websocket from './transports/websocket.js';

const rowsShown = 50;
const lettersShown = 200;

class Lane {
  #ledger = new Ledger();
  #fresh = []; // envelopes that are not drawn yet
  #drawing = false;
  #transport;
  #name;

  constructor({ transport, name, title, about, command, clients }) {
    this.#name = name;
    this.title = title;

    this.element = document.querySelector('#lane').content.cloneNode(true).firstElementChild;
    this.element.id = name;
    this.#part('h2').textContent = title;
    this.#part('h2').id = `${name}-title`;
    this.element.setAttribute('aria-labelledby', `${name}-title`);
    this.#part('.events').setAttribute('aria-label', `Latest events by ${title}`);
    this.#part('code').textContent = command;
    this.#part('.minimal').href = `/minimal/${name}.html`;
    if (clients) this.#offer(clients);
    else this.#use({ transport, about, source: name });
    for (const link of this.element.querySelectorAll('a')) link.setAttribute('aria-label', `${title}: ${link.textContent}`);
    this.#part('button').onclick = () => (this.state === 'closed' ? this.start() : this.connection.close());
  }

  get state() {
    return this.connection?.readyState ?? 'closed';
  }

  /** #offer lets the user choose between clients of the same transport. */
  #offer(clients) {
    const group = this.#part('.clients');
    group.hidden = false;
    group.setAttribute('aria-label', `${this.title}: client`);
    for (const client of clients) {
      const label = document.createElement('label');
      const input = document.createElement('input');
      input.type = 'radio';
      input.name = `${this.#name}-client`;
      input.value = client.label;
      input.autocomplete = 'off'; // a reload begins with the first one
      input.checked = client === clients[0];
      input.onchange = () => {
        const running = this.state !== 'closed';
        this.connection.close();
        this.#use(client);
        if (running) this.start(); // it resumes where the other one was
      };
      label.append(input, client.label);
      group.append(label);
    }
    this.#use(clients[0]);
  }

  #use({ transport, about, source }) {
    this.#transport = transport;
    this.#part('.about .text').textContent = about;
    this.#part('.source').href = `/transports/${source}.js`;
  }

  start() {
    this.connection = this.#transport.open(`/${this.#name}`, {
      after: this.connection?.cursor, // started again, the lane resumes
      onevent: (envelope) => {
        this.#ledger.event(envelope);
        this.#show(envelope);
      },
      ongap: (envelope) => {
        this.#ledger.gap(envelope);
        this.#show(envelope);
      },
      onstate: (state, reason) => {
        if (state === 'open') this.#ledger.start(this.connection.cursor);
        if (reason) this.#part('.reason').textContent = `Last break: ${reason}.`;
        this.#draw();
        summarise();
      },
    });
    this.#draw();
  }

  #show(envelope) {
    this.#fresh.push(envelope);
    if (this.#fresh.length > rowsShown) this.#fresh.shift(); // a hidden page gets no frames
    this.#draw();
  }

  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { events, lost, repeated, gaps, missed, exact } = this.#ledger;
    const state = this.state;
    this.element.dataset.state = state;
    this.#part('.state').textContent = state;
    const verb = state === 'closed' ? 'Start' : 'Stop';
    this.#part('button').textContent = verb;
    this.#part('button').setAttribute('aria-label', `${verb} ${this.title}`);

    this.#value('cursor', this.connection.cursor || '–');
    this.#value('events', events);
    this.#value('lost', lost);
    this.#value('repeated', repeated);
    this.#value('gaps', gaps);
    this.#value('missed', exact ? missed : missed ? `${missed} or more` : 'unknown');

    const list = this.#part('.events');
    list.prepend(...this.#fresh.map(row).reverse());
    this.#fresh = [];
    while (list.childElementCount > rowsShown) list.lastElementChild.remove();
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #value(name, value) {
    const element = this.#part(`[data-value=${name}]`);
    element.textContent = value;
    element.classList.toggle('bad', (name === 'lost' || name === 'repeated') && value > 0);
  }
}

/** row makes the list item of an envelope. */
function row({ id, topic, data }) {
  const item = document.createElement('li');
  item.dataset.id = id;
  const text = JSON.stringify(data);
  const parts = { id, topic, data: text.length > lettersShown ? `${text.slice(0, lettersShown)}…` : text };
  if (topic === '$gap') item.className = 'gap';
  for (const [name, value] of Object.entries(parts)) {
    const part = document.createElement('span');
    part.className = name;
    part.textContent = value;
    item.append(part, ' ');
  }
  return item;
}

const server = location.origin.replace('http://', ''); // curl means http when nothing is said

const lanes = [
  {
    name: 'longpoll',
    transport: longpoll,
    title: 'Long polling',
    about: 'fetch, again and again: the server holds each question until it has something to say.',
    command: `curl ${server}/longpoll`,
  },
  {
    name: 'httpstream',
    transport: httpstream,
    title: 'HTTP streaming',
    about: 'fetch, once: one answer that never ends, read while it grows; a line is an event.',
    command: `curl -N ${server}/httpstream`,
  },
  {
    name: 'sse',
    title: 'Server-Sent Events',
    command: `curl -N ${server}/sse`,
    clients: [
      {
        label: 'EventSource',
        transport: sse,
        source: 'sse',
        about: 'such an answer in a format that browsers read, reconnect and resume by themselves.',
      },
      {
        label: 'fetch',
        transport: sseFetch,
        source: 'sse-fetch',
        about: 'the same answer, read, reconnected and resumed by a module, which can send headers.',
      },
    ],
  },
  {
    name: 'websocket',
    transport: websocket,
    title: 'WebSocket',
    about: 'WebSocket: the connection stops speaking HTTP, and both sides may talk at any time.',
    command: `pushlab sub --transport websocket ${location.origin}`,
  },
].map((description) => new Lane(description));

const summary = document.querySelector('#summary');
let summarising;

/** summarise says in one line how the lanes are: seldom enough for those who have the page read to them. */
function summarise() {
  summarising ??= setTimeout(() => {
    summarising = undefined;
    const open = lanes.filter(({ state }) => state === 'open').length;
    const closed = lanes.filter(({ state }) => state === 'closed').map(({ title }) => title);
    const waiting = lanes.filter(({ state }) => state === 'connecting').map(({ title }) => title);
    const parts = [open === lanes.length ? 'All four lanes are open.' : `${open} of ${lanes.length} lanes open.`];
    if (waiting.length) parts.push(`Connecting: ${waiting.join(', ')}.`);
    if (closed.length) parts.push(`Stopped: ${closed.join(', ')}.`);
    summary.textContent = parts.join(' ');
  }, 1000);
}

for (const lane of lanes) {
  document.querySelector('#lanes').append(lane.element);
  lane.start();
}

const form = document.querySelector('#publish');
const published = document.querySelector('#published');

form.onsubmit = async (submit) => {
  submit.preventDefault();
  const { data, topic, type, by } = Object.fromEntries(new FormData(form));
  published.className = '';
  published.textContent = 'Sending.';
  try {
    published.textContent = by === 'post' ? await post(topic, data, type) : await send(topic, data, type);
  } catch (error) {
    published.className = 'bad';
    published.textContent = error.name === 'TimeoutError'
      ? 'No answer in half a minute. Do other tabs of this page hold all connections?'
      : error.message;
  }
};

async function post(topic, data, type) {
  const response = await fetch(topic ? `/publish?topic=${encodeURIComponent(topic)}` : '/publish', {
    method: 'POST',
    headers: { 'Content-Type': type === 'json' ? 'application/json' : 'text/plain; charset=utf-8' },
    body: data,
    signal: AbortSignal.timeout(30_000),
  });
  if (response.status === 201) return `Published as ${(await response.json()).id}.`;
  // RFC 9457: detail is written for the person who has to mend the request.
  const problem = response.headers.get('Content-Type')?.startsWith('application/problem+json') ? await response.json() : {};
  throw new Error(`${response.status}: ${problem.detail ?? problem.title ?? response.statusText}`);
}

async function send(topic, data, type) {
  const id = await lanes.find(({ element }) => element.id === 'websocket').connection
    .publish(topic, type === 'json' ? JSON.parse(data) : data);
  return `Published as ${id}.`;
}
