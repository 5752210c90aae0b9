// This file handles the button that makes the page dark or light. Until it is pressed, the page
// follows the reader's system. It is one of the page's script elements: see src/report/assets.ts.

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
