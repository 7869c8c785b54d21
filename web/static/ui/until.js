/** until promises what find returns, as soon as it finds something in a trace that grows; undefined if that takes too long. */
export function until(trace, find, patience = 6000) {
  return new Promise((resolve) => {
    const look = () => {
      const found = find();
      if (found) end(found);
    };
    const end = (found) => {
      clearTimeout(timer);
      trace.removeEventListener('change', look);
      resolve(found);
    };
    const timer = setTimeout(end, patience);
    trace.addEventListener('change', look);
    look();
  });
}
