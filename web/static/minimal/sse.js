// EventSource (WHATWG HTML 9.2) reconnects and resumes by itself, except after an answer other than 200.
// It cannot send anything, set a header, or say why it failed.
const source = new EventSource('/sse');
source.onmessage = ({ data }) => {
  const row = document.createElement('li');
  row.textContent = data;
  document.querySelector('#events').prepend(row);
};
