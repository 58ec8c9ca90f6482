export const TOGETHER: Readonly<Record<'test/unit.ts' | 'test/light.ts', readonly string[]>>;
