// The theme that was chosen, before the first paint; a classic script, since modules wait for the page.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off; then the page looks as the system does.
}
