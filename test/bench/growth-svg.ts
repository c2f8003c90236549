/** stub */
import type { GrowthFigures } from './growth.ts';
import type { ScaleFigures } from './scale.ts';
/** stub */
export function growthSvg(_growth: GrowthFigures, _scale: readonly ScaleFigures[]): string {
  return '';
}
