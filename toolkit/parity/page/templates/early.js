try {
  const theme = localStorage.getItem('parity-theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch (error) { /* no storage for files here: the system's theme it is */ }
