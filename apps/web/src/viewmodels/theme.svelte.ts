/** Light, dark, or as the system is; a choice of this browser alone. */

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const CHOICE_KEY = 'theme';

class Look {
  theme: Theme = $state('system');

  /** Reads and applies what was chosen; called once before anything is drawn. */
  start(): void {
    this.choose(THEMES.find((theme) => theme === localStorage.getItem(CHOICE_KEY)) ?? 'system');
  }

  choose(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') {
      localStorage.removeItem(CHOICE_KEY);
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem(CHOICE_KEY, theme);
      document.documentElement.dataset.theme = theme;
    }
  }
}

export const look = new Look();
