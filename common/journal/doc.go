// Package journal is a log that outlives a process, and that several share: a hub.Log on a stream of NATS JetStream.
//
//	publisher ─▶ node 1 ─ Append ─▶ ┌ stream ────────────┐ ─ Tail ─▶ node 1 ─▶ its subscribers
//	publisher ─▶ node 2 ─ Append ─▶ │ 41 │ 42 │ 43 │ ... │ ─ Tail ─▶ node 2 ─▶ its subscribers
//	                                └────────────────────┘ ─ Read ─▶ whoever resumes from long ago
//
// The stream's sequence number is the event's. A node delivers an event only when it has come back by Tail, so all
// nodes deliver the same ones in the same order, under the same IDs, and a cursor of one is good on any other.
//
// There is one consumer for each node, in Tail, and one for each Read while it runs; never one for each subscriber, of which a
// server holds some hundred at most.
//
// # What is promised, against what
//
// An event is acknowledged when Append has returned its ID. What that is worth depends on where the stream is:
//
//	                                    a directory,   a directory,    1 NATS     3 NATS servers,
//	                                    lazy sync      sync always     server     3 replicas
//	kill -9 of a node                   kept           kept            kept       kept
//	kill -9 of one NATS server          -              -               kept       kept, and it goes on
//	kill -9 of two NATS servers         -              -               -          kept; nothing is appended until one is back
//	one machine stops, as by power      its end lost   kept            its end    kept, and it goes on
//	all machines stop at once           its end lost   kept            lost (*)   its end may be lost (*)
//	one disk is lost, or its files      lost           lost            lost       kept, if the others are well (**)
//
// "Its end" is what was acknowledged since the files were last forced to the disk: at most about 100 ms in a directory (see
// embedded.Config.Sync); (*) on NATS servers it is what their sync_interval says, which is two minutes unless
// their configuration says otherwise, so set it: "jetstream { sync_interval: always }", or a few hundred
// milliseconds. (**) Tests of others have found that a cluster can lose acknowledged events when the files of a minority of its
// servers are damaged or cut short, and that the crash of one operating system together with long delays can have
// replicas diverge (Jepsen on NATS 2.12.1, December 2025). Replace a server whose disk is doubtful by an empty one.
//
// # Lost ends are not silent
//
// A log that has lost its end gives the same numbers again, to other events: who resumes from one would miss those. So
// the log then gets another epoch, under which each cursor of before is answered by a gap. That happens
//
//   - in a directory, at the first start after the machine has stopped while the log was open and not everything was on the disk;
//   - when a node sees that the stream ends before what it was told, or holds another event under the number of the last one
//     that it delivered. A cluster is given some seconds to show it after all;
//   - when the stream was deleted and created again: its time of creation is part of the epoch;
//   - by [Stream.Renew], for what nobody can see: a backup that was put back.
//
// What a node cannot see is a loss of events that it has neither appended nor delivered since it was started. So if NATS servers
// with a lazy sync and all nodes stop together, as by one power failure, nobody knows afterwards that the log has lost its end. Then
// a client that has seen the lost events may miss others in silence. Have the servers sync always, or on machines that do not fail
// together; or give the log another epoch by Renew when all have stopped.
//
// # Keys
//
// An entry with a key is appended once within Config.KeyWindow, whatever happens to connections and servers in between: Append sends it
// again by itself until its time is over, and so may whoever called it, here or on another node. A key is remembered as
// long as its event is kept: a restart of the server forgets the keys of events that were trimmed or have expired. Under a
// key that was used for another event nothing is appended, as far as that one can still be read.
//
// Without a key, an append that fails with hub.ErrUnavailable may have been appended.
//
// # What is not an event
//
// A message that somebody else publishes on our subjects, and which is no JSON value in one line under a topic, is left out, and counted
// in [Stats]. Its number is then missing, as that of an event that was deleted.
//
// [Memory] is a log in memory, for tests.
package journal
