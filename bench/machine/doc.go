// Package machine is the machine on which servers are measured, and what runs there: it starts servers in
// processes of their own and ends them ([StartServer]), gives cores to them and to the load ([Pin]),
// reads what processes, cores and the kernel took, asks servers for their counters ([Scraper]), and tells
// where all that was ([ReadEnvironment]).
//
// What a system does not tell is an error, and no reason not to measure the rest. Functions may be called
// from any goroutine, but Pin is for one caller at a time: it moves all threads of this process.
package machine
