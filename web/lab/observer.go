package lab

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"pushlab/common/tap"
)

// An observer makes the batches. It belongs to one goroutine.
type observer struct {
	*Lab
	after  uint64 // the last record that was told
	before memory
	polls  map[uint64]*Stream // by connection: requests of /longpoll that have no answer yet
	given  map[uint64]int64   // by connection: events in answers
	closed []closing
	alone  time.Time // since when nobody observes
}

// A closing is the end of a connection. No record after last is about it.
type closing struct{ number, last uint64 }

// observe makes batches until the lab ends, or nobody observes it for too long.
func (l *Lab) observe() {
	o := &observer{Lab: l, before: memory{}, polls: map[uint64]*Stream{}, given: map[uint64]int64{}, alone: time.Now()}
	tick := time.NewTicker(max(time.Millisecond, l.config.Alone/12))
	defer tick.Stop()
	for {
		b, changed := o.batch()
		var pause <-chan time.Time
		if !b.empty() {
			o.publish(b)
			pause, changed = time.After(interval), nil
		}
		ready := o.pending.ready
		if pause != nil {
			ready = nil
		}
		select {
		case <-pause:
		case <-changed:
		case <-ready:
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
		switch {
		case l.batches.State().Subscriptions > 0:
			o.alone = time.Now()
		case time.Since(o.alone) > l.config.Alone:
			l.leave(l)
			<-l.ctx.Done()
			return
		}
	}
}

// publish gives a batch to those who observe.
func (o *observer) publish(b Batch) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // the escapes would only cost bytes
	err := encoder.Encode(b)
	if err == nil {
		_, err = o.batches.Publish(o.ctx, Topic, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	}
	if err != nil && o.ctx.Err() == nil {
		o.config.Logger.Error("a batch of a lab was lost", "lab", o.id, "error", err)
	}
}

// batch collects what there is to tell. If that is nothing, the channel tells when there is a record.
func (o *observer) batch() (b Batch, changed <-chan struct{}) {
	// First what is pending: what is told of a connection's end must not be older than its records.
	t := o.pending.take()
	for _, number := range t.closed {
		o.closed = append(o.closed, closing{number, o.tap.Last()})
	}
	records, changed, _ := o.tap.Poll(o.after)
	if t.all {
		clear(o.before)
	}
	if records.Missed > 0 { // the end of some may be among them
		clear(o.polls)
		clear(o.given)
	}
	b = Batch{Dropped: records.Missed + t.dropped, Arrived: t.arrived, Faults: t.faults}
	o.records(&b, records)
	o.closed = slices.DeleteFunc(o.closed, func(c closing) bool {
		over := c.last <= o.after // nothing more will be told of it
		if over {
			o.link.forget(c.number)
		}
		return over
	})
	o.log(&b, t.published)
	if streams := o.streams(); o.before.news("streams", streams) {
		b.Streams = streams
	}
	if proxies := o.proxies(); o.before.news("proxies", proxies) {
		b.Proxies = proxies
	}
	if state := o.state(); o.before.news("state", state) {
		b.State = &state
	}
	b.Now = o.tap.Now()
	return b, changed
}

// records adds outlines of records, as many as fit.
func (o *observer) records(b *Batch, records tap.Batch) {
	last := map[uint64]int{}
	size := 0
	for _, r := range records.Records {
		size += 200 + 250*len(r.Messages)
		if size > batchSize && len(b.Records) > 0 {
			break
		}
		outline := outline(r)
		if r.Dir == tap.Down {
			if w := o.link.wire(r.Conn); w != nil {
				for i := range outline.Messages {
					m := &outline.Messages[i]
					m.Sent = w.sent(m.Offset + m.Length)
				}
			}
		}
		if r.Info != nil {
			if i, ok := last[r.Conn]; ok {
				b.Records[i].Info = nil
			}
			last[r.Conn], outline.Info = len(b.Records), info(r.Info)
		}
		b.Records = append(b.Records, outline)
		o.after = r.Seq
		o.poll(r)
	}
}

// poll keeps account of the polls, of which the server keeps none.
func (o *observer) poll(r *tap.Record) {
	for _, m := range r.Messages {
		switch m.Kind {
		case tap.RequestMessage:
			if target, ok := strings.CutPrefix(m.Label, "GET /longpoll"); ok && (target == "" || target[0] == '?') {
				query, _ := url.ParseQuery(strings.TrimPrefix(target, "?")) // what is malformed the server refuses
				o.polls[r.Conn] = &Stream{Lane: r.Lane, Transport: "longpoll", Conn: r.Conn, Cursor: m.ID, Topics: query["topic"],
					Delivered: o.given[r.Conn], Opened: m.Ended}
			}
		case tap.ResponseMessage:
			delete(o.polls, r.Conn)
		case tap.EventMessage:
			if r.Lane == "longpoll" && m.Dir == tap.Down {
				o.given[r.Conn]++
			}
		}
	}
	switch r.Kind {
	case tap.Finished, tap.Reset, tap.Closed:
		delete(o.polls, r.Conn)
		if r.Kind != tap.Finished {
			delete(o.given, r.Conn)
		}
	}
}

func (o *observer) log(b *Batch, published []Published) {
	h, history := o.hubAndHistory()
	s := h.State()
	log := Log{Head: s.Head.String(), Oldest: s.Oldest.String(), Events: s.Events, Bytes: s.Bytes, History: history}
	if o.before.news("log", log) || len(published) > 0 {
		log.Published = published
		b.Log = &log
	}
}

// streams lists who reads, by connection.
func (o *observer) streams() []Stream {
	list := []Stream{}
	for _, s := range o.subscribers() {
		stream := Stream{Transport: s.Transport, Lane: s.Transport, Cursor: s.Cursor.String(), Topics: s.Topics, Delivered: s.Delivered, Opened: s.Opened.Sub(o.tap.Began())}
		if w := o.link.peer(s.Peer); w != nil {
			stream.Lane, stream.Conn = w.lane, w.number
		}
		list = append(list, stream)
	}
	for _, poll := range o.polls {
		list = append(list, *poll)
	}
	slices.SortFunc(list, func(a, b Stream) int { return cmp.Or(cmp.Compare(a.Conn, b.Conn), cmp.Compare(a.Opened, b.Opened)) })
	return list
}

func (o *observer) proxies() map[string]Proxy {
	m := map[string]Proxy{}
	for _, n := range o.lanes {
		s := n.proxy.State()
		m[n.name] = Proxy{Held: s.Down.Held, Swallowed: s.Down.Swallowed, Open: len(s.Connections)}
	}
	return m
}
