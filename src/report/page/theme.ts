// The button that turns the page dark or light; until it is pressed the page is as the reader's
// system is. It is one script element of a page: see src/report/assets.ts.

const root = document.documentElement;
const button = document.getElementById('theme') as HTMLButtonElement;
const system = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  const { theme } = root.dataset;
  return theme === undefined ? system.matches : theme === 'dark';
}

function label(): void {
  button.textContent = isDark() ? 'Light' : 'Dark';
  button.title = `make the page ${isDark() ? 'light' : 'dark'}`;
}

button.addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  label();
});
system.addEventListener('change', label);
label();
button.hidden = false;
