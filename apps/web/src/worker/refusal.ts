/** Refusals of the engine: a stable code with values. */

export class Refusal extends Error {
  constructor(readonly code: string, readonly values: Record<string, string | number> = {}) {
    super(code);
  }
}

/** The refusal that was thrown, by the core as JSON text or by the worker; null for anything else: a bug, a panic. */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (typeof error !== 'string') return null;
  try {
    const { code, values } = JSON.parse(error) as { code: string; values?: Record<string, string | number> };
    return new Refusal(code, values ?? {});
  } catch {
    return null;
  }
}
