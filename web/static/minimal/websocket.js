// WebSocket (RFC 6455): messages in both directions, but neither reconnect nor resume: once closed, it stays closed.
const socket = new WebSocket('/websocket', 'pushlab.v1');
socket.onmessage = ({ data }) => {
  const row = document.createElement('li');
  row.textContent = data;
  document.querySelector('#events').prepend(row);
};
