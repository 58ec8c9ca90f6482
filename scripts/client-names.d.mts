export const INNER_NAMES: readonly string[];
