/** What the tests read of the machine they run on. */
declare const process: { env: Record<string, string | undefined> };
