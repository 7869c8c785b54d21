// Package cost measures what a node takes as nodes are added: one node, two, three and so on, each a process with as many
// subscribers as any other, in interleaved rounds on one machine.
//
//	publisher ──▶ node 1 ──▶ [journal] ──▶ node 1, node 2, ... ──▶ subscribers of each
//
// With a journal all nodes have one log, and what is published to the first comes to all. Without one they are apart, and
// each is published to: a node must then take as much as if it were alone, which checks the measurement.
//
// What is told are CPU times of processes, as the kernel counts them, and ratios within one round. All processes share the
// machine, and so its caches and its cores; delays are those of a machine that does everything at once.
package cost
