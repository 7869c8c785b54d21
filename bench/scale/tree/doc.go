// Package tree computes what a fan-out tree takes: from publishers by a home stream, a mirror of it in each region, nodes
// and proxies, to the subscribers. It measures nothing. What it rests on stands in one table, [Inputs.Table], with the
// source of each number; docs/scale.md has the table and what comes of it.
//
//	publishers ─▶ home stream, R3 ─▶ leaf link ─▶ mirror, R3 ─▶ nodes ─▶ proxies ─▶ subscribers
//	              one region          each region   one tail     a subscriber is on one of each
//	                                                each node
//
// # What is computed in which way
//
// Machines, cores, memory and links are sums ([Inputs.Plan]): each tier has what it is asked for, and what a machine can, and a sum
// is exact where a simulation would only come near. A delay is a sum of delays that vary ([Inputs.Delays]); it has no formula,
// so it is drawn many times, and the queues of a node and of a proxy are simulated event by event. What comes after a loss
// ([Inputs.NodeLoss], [Inputs.RegionLoss]) depends on who fails and tries again, so that one machine of those that are left is simulated
// client by client: they are all alike. All is drawn with a seed, so the same inputs give the same answer.
//
// # The model
//
// A subscriber gets rate·share events a second, and heartbeats if that is less than one in the interval of heartbeats. Each of
// both is a delivery. A machine's cores count as cores·core_efficiency. Of a tier there are as many machines in a region as
//
//	max over its resources of ceil(subscribers · each / (has · headroom - fixed)), and the spare ones
//
// where fixed is what each machine takes anyway: a node tails all events, whoever is on it. Nodes and proxies are sized in
// this way. A mirror is not: it has three servers, of which one has the log and gives it to the two others, and the tails of
// the nodes are spread over all three evenly. What these cannot do, more nodes do not help.
package tree
