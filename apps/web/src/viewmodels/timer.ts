/** After how many seconds messages may disappear; 0: they stay. */
export const TIMER_CHOICES_SECONDS = [0, 30, 300, 3_600, 28_800, 86_400, 604_800, 2_419_200] as const;
