package web_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pushlab/common/hub"
	"pushlab/web"
)

// A learner sits in front of the teaching page, breaks things, and looks what becomes of them.
type learner struct {
	*page
	last  *string             // the newest event that he has published
	since float64             // when he last broke something, on the lab's clock in milliseconds
	head  string              // the newest event then
	back  float64             // when he took the fault away, if that counts
	notes map[string]evidence // what he wrote down on the way
}

// A faultSetting is how a lab is set up, so that what takes long takes less.
type faultSetting struct {
	heartbeat time.Duration // of the server; default 15s, negative: none
	silence   time.Duration // after which a client gives up a connection; default 60s
	wait      int           // seconds that a poll waits; default 25
	// shorter are times in the commands of the page, and those that the server gets instead.
	shorter [][2]string
}

// learn opens the teaching page of a server of its own, has nothing sent but what is asked for, and waits until all
// lanes are open and have had an event.
func learn(t *testing.T, browser context.Context, s faultSetting, tolerated ...string) *learner {
	t.Helper()
	server := serve(t, hub.Config{}, web.Config{Demo: true})
	address := strings.Replace(server.url, "127.0.0.1", "localhost", 1) + "/"
	l := &learner{page: open(t, browser, address, tolerated...), last: new(string), notes: map[string]evidence{}}
	l.wait(`window.pushlab?.lab.link === "open" && document.querySelectorAll("push-status .card[data-state=open]").length === 4`)
	options, err := json.Marshal(map[string]any{
		"heartbeat": heartbeat(s.heartbeat),
		"silence":   cmp.Or(s.silence, time.Minute).Milliseconds(),
		"wait":      cmp.Or(s.wait, 25),
		"shorter":   append([][2]string{}, s.shorter...),
	})
	if err != nil {
		t.Fatal(err)
	}
	run[chromedp.Void](l.page, learnerScript)
	run[chromedp.Void](l.page, fmt.Sprintf(`prepare(%s)`, options))
	l.open(transports...)
	l.step(1)
	l.proven(transports...)
	return l
}

// heartbeat is the setting for a heartbeat.
func heartbeat(d time.Duration) string {
	if d < 0 {
		return "off"
	}
	return cmp.Or(d, 15*time.Second).String()
}

// learnerScript is what the tests need in the page: to make things short, and to tell what the page knows.
const learnerScript = `{
	const { lab, lanes } = pushlab;
	const command = lab.command;

	window.prepare = async ({ heartbeat, silence, wait, shorter }) => {
		lab.command = (path, body) => {
			if (typeof body !== "object") return command.call(lab, path, body);
			const text = shorter.reduce((text, [long, short]) => text.replaceAll(long, short), JSON.stringify(body));
			const answer = command.call(lab, path, JSON.parse(text));
			if (path === "fault" && follow) {
				const n = follow;
				follow = 0;
				answer.then(() => step(n)).then((ids) => { followed = ids; });
			}
			return answer;
		};
		for (const lane of lanes.values()) lane.close(); // so that the server need not wait for anybody when it restarts
		await lab.command("source", { rate: 0, bridge: false });
		await lab.command("settings", { heartbeat, retry: "400ms" });
		await settled();
		while (!(lab.uncertainty < 5)) await lab.clock.sync(); // while the page opens, answers are slow
		for (const lane of lanes.values()) {
			lane.set({ wait, silence });
			lane.open();
		}
	};

	/** settled waits until the server is back from a restart. */
	window.settled = async () => {
		while ((await lab.command("source", {})).down) await new Promise((resolve) => setTimeout(resolve, 20));
	};

	/** step publishes events, all at once, and promises their ids in order. */
	window.step = async (n) => {
		const answers = await Promise.all(Array.from({ length: n }, () => lab.command("step")));
		const sequence = (id) => Number(id.split("-")[1]);
		return answers.map(({ id }) => id).sort((a, b) => sequence(a) - sequence(b));
	};

	// How many events are to be published as soon as the next fault is there, before any client can be back; their ids.
	window.follow = 0;
	window.followed = [];

	/** evidence is what the page knows of a lane, and what happened to it since a time. */
	window.evidence = (name, since) => {
		const { streams, proxies, log } = pushlab.trace;
		const { state, reason, cursor, stalled, ledger } = lanes.get(name);
		return JSON.stringify({
			state, reason, cursor, stalled, ledger,
			states: pushlab.trace.states(name).filter(({ at }) => at >= since),
			items: pushlab.trace.range(since, Infinity).filter(({ lane }) => lane === name),
			totals: pushlab.trace.totals(name),
			streams: streams.filter(({ lane }) => lane === name),
			proxy: proxies[name],
			head: log.head,
			proof: document.querySelector(".card[data-lane=" + name + "] .proof .good")?.textContent,
		});
	};

	/** bytes is what a record has crossed the wire as. */
	window.bytes = async (seq) => atob((await lab.record(seq)).bytes);

	/** listen opens a plain EventSource, as any page would have it, and counts what it tells. */
	window.listen = () => {
		const source = window.plain = new EventSource(lab.laneURL("sse"));
		Object.assign(source, { opened: 0, errors: 0, events: 0 });
		source.onopen = () => source.opened++;
		source.onerror = () => source.errors++;
		source.onmessage = () => source.events++;
	};
}`

// look returns what is known of a lane.
func (l *learner) look(lane string) (e evidence) {
	l.t.Helper()
	if err := json.Unmarshal([]byte(run[string](l.page, fmt.Sprintf(`evidence(%q, %f)`, lane, l.since))), &e); err != nil {
		l.t.Fatal(err)
	}
	return e
}

// note writes down what is known of lanes.
func (l *learner) note(lanes ...string) {
	l.t.Helper()
	for _, lane := range lanes {
		l.notes[lane] = l.look(lane)
	}
}

// until waits for what is known of a lane to show something.
func (l *learner) until(lane, what string, shows func(e evidence) bool) evidence {
	l.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; {
		e := l.look(lane)
		if shows(e) {
			return e
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: waited in vain until %s\n%v", lane, what, e)
		}
		<-tick.C
	}
}

// open waits until lanes are open.
func (l *learner) open(lanes ...string) {
	l.t.Helper()
	for _, lane := range lanes {
		l.until(lane, "it is open", func(e evidence) bool { return e.State == "open" && e.Cursor != "" })
	}
}

// proven waits until lanes have all events that there are, and their cards say that none was lost or repeated.
func (l *learner) proven(lanes ...string) {
	l.t.Helper()
	for _, lane := range lanes {
		l.until(lane, "all is there, and proven to be", func(e evidence) bool {
			return e.State == "open" && e.has(*l.last) && e.Cursor == e.Head &&
				strings.HasPrefix(e.Proof, "0 lost, 0 repeated: proven up to #"+fmt.Sprint(sequence(e.Head))+".")
		})
	}
}

// step publishes events, all at once.
func (l *learner) step(n int) {
	l.t.Helper()
	*l.last = run[string](l.page, fmt.Sprintf(`step(%d).then((ids) => ids.at(-1))`, n))
}

// command has the lab do something for which the page has no control that is quick enough.
func (l *learner) command(path, body string) {
	l.t.Helper()
	run[chromedp.Void](l.page, fmt.Sprintf(`pushlab.lab.command(%q, %s).then(() => {})`, path, body))
}

// Buttons of the panel of faults: what happens now, and what stays until it is taken away.
const (
	pressOnce   = `.do button:not([aria-pressed])`
	pressAlways = `.do button[aria-pressed]`
)

// press presses a fault's button, for one lane or all, and waits until it has happened, which the expression tells.
func (l *learner) press(lane, fault, button, happened string) {
	l.t.Helper()
	l.aim(lane)
	l.since, l.head = run[float64](l.page, `pushlab.lab.now()`), *l.last
	l.push(fault, button)
	l.wait(happened)
}

// push pushes a button of a fault.
func (l *learner) push(fault, button string) {
	l.t.Helper()
	labPress(l.page, fmt.Sprintf(`#faults [data-fault=%s] %s`, fault, button))
}

// strike presses a button, waits until the proxies have been told, and has so many events published at once then.
func (l *learner) strike(lane, fault, button string, events int) {
	l.t.Helper()
	const changes = `pushlab.trace.items.filter(({ label }) => label === "changed").length`
	before := run[int](l.page, fmt.Sprintf(`followed = [], follow = %d, %s`, events, changes))
	l.press(lane, fault, button, fmt.Sprintf(`%s >= %d && followed.length === %d`, changes, before+len(l.lanes(lane)), events))
	if events > 0 {
		*l.last = run[string](l.page, `followed.at(-1)`)
	}
}

// lanes are those that a fault is for.
func (l *learner) lanes(lane string) []string {
	if lane == "all" {
		return transports
	}
	return []string{lane}
}

// aim opens the panel of faults, and chooses the lane.
func (l *learner) aim(lane string) {
	l.t.Helper()
	if !run[bool](l.page, `pushlab.view.breaking`) {
		labPress(l.page, "push-toolbar .break")
	}
	labPress(l.page, fmt.Sprintf(`#faults[data-open] .target label:nth-of-type(%d) input`, slices.Index(append([]string{"all"}, transports...), lane)+1))
}

// use chooses the client of the lane of Server-Sent Events, and waits until it has taken over.
func (l *learner) use(client string) {
	l.t.Helper()
	l.since = run[float64](l.page, `pushlab.lab.now()`)
	labPress(l.page, fmt.Sprintf(`.card[data-lane=sse] .switch label:nth-of-type(%d) input`, slices.Index([]string{"EventSource", "fetch"}, client)+1))
	l.until("sse", client+" is open", func(e evidence) bool {
		return run[string](l.page, `pushlab.lanes.get("sse").client`) == client && e.State == "open" && len(e.seen("response", "200")) > 0
	})
	l.proven("sse")
}
