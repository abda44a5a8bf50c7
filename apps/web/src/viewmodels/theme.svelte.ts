/** Light, dark, or as the system is; a choice of this browser alone. */

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const CHOICE_KEY = 'theme';

function kept(): string | null {
  try {
    return localStorage.getItem(CHOICE_KEY);
  } catch {
    return null;
  }
}

class Look {
  theme: Theme = $state('system');

  /** Reads and applies what was chosen; called once before anything is drawn. */
  start(): void {
    const stored = THEMES.find((theme) => theme === kept());
    if (stored) this.choose(stored);
  }

  choose(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === 'system') localStorage.removeItem(CHOICE_KEY);
      else localStorage.setItem(CHOICE_KEY, theme);
    } catch {
      // Without storage the choice holds for this visit.
    }
  }
}

export const look = new Look();
