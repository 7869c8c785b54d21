/**
 * A ledger checks that nothing was lost or repeated, instead of believing it.
 *
 * An id is <epoch>-<seq>. Seq counts up by one over the whole log, so a subscriber of all topics must see every number
 * once. A hole that the server announced by $gap is a gap; a hole that it did not announce is a loss.
 * It cannot judge a subscription of some topics only: their numbers have holes by nature.
 */
export class Ledger {
  events = 0;
  lost = 0;
  repeated = 0;
  gaps = 0;
  missed = 0; // events in the gaps, as far as the server knew
  exact = true; // it knew for every gap
  #epoch = '';
  #seq = 0; // the last one that we saw, or were told to go on from

  /** start tells where the subscription begins, so that even a loss before the first event shows. */
  start(cursor) {
    if (!this.#epoch) this.#goOnFrom(parse(cursor));
  }

  event({ id }) {
    const { epoch, seq } = parse(id);
    this.events++;
    if (!this.#epoch) this.#goOnFrom({ epoch, seq: seq - 1 });
    if (epoch !== this.#epoch) {
      this.lost++; // another log, without a $gap: nobody knows how many are lost, but some are
      this.#goOnFrom({ epoch, seq: seq - 1 });
    }
    if (seq <= this.#seq) {
      this.repeated++; // the log is in order, so what is not new was here before
      return;
    }
    this.lost += seq - this.#seq - 1;
    this.#seq = seq;
  }

  gap({ id, data }) {
    this.gaps++;
    this.missed += data.missed ?? 0;
    this.exact &&= data.missed !== undefined;
    this.#goOnFrom(parse(id)); // perhaps in a new epoch, or further back in this one
  }

  #goOnFrom({ epoch, seq }) {
    this.#epoch = epoch;
    this.#seq = seq;
  }
}

function parse(id) {
  const dash = id.lastIndexOf('-');
  return { epoch: id.slice(0, dash), seq: Number(id.slice(dash + 1)) };
}
