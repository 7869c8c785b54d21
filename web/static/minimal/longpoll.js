// Long polling (RFC 6202, 2): each answer says what to ask with next. It costs a whole request per answer.
let query = 'wait=0'; // the first answer comes at once: we want its cursor
for (;;) {
  const response = await fetch(`/longpoll?${query}`, { cache: 'no-store' });
  if (!response.ok) throw new Error(response.status);
  query = `after=${response.headers.get('Pushlab-Cursor')}`;
  if (response.status === 204) continue; // nothing happened meanwhile
  for (const event of (await response.json()).events) {
    const row = document.createElement('li');
    row.textContent = JSON.stringify(event);
    document.querySelector('#events').prepend(row);
  }
}
