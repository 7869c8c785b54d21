/** An Item is one thing that happened; what is not known, or does not apply, is undefined. */
export class Item {
  ref; // names it, as "17.0" (record 17, its first message) or "m4" (a mark that is no record)
  seq; // of the record
  index; // of the message among those of the record's outline; of a record's own mark, behind the last of them
  lane;
  conn;
  dir; // 'up' or 'down'
  kind;
  at; // on the learner's wire
  sent; // at the server: a message down was written then, one up had arrived then
  received; // in the page
  published; // in the hub
  began; // its first byte on the wire
  answered; // of a request: when the server wrote the head of the answer
  id;
  topic;
  label;
  text;
  offset;
  length;
  payload;
  exchange;
  replay; // published before the client had asked on this connection
  until; // of a fault that has an end
  missed; // of a gap: how many events, as far as the server knew

  constructor(values) {
    Object.assign(this, values);
  }
}

/** parseId splits an id into the epoch, one life of the log, and the number in it. */
export function parseId(id) {
  const dash = id?.lastIndexOf('-') ?? -1;
  return dash < 0 ? { epoch: '', seq: NaN } : { epoch: id.slice(0, dash), seq: Number(id.slice(dash + 1)) };
}
