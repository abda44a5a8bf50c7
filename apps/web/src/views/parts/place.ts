/** Where something small that floats is put: at a point or beside an element, always inside the window. */

export type MenuPlace = { x: number; y: number } | HTMLElement;

const GAP_PX = 8;
const BESIDE_PX = 4;

export function placeBeside(node: HTMLElement, place: MenuPlace): void {
  const { width, height } = node.getBoundingClientRect();
  const isRtl = getComputedStyle(node).direction === 'rtl';
  let x: number;
  let y: number;
  if (place instanceof HTMLElement) {
    const at = place.getBoundingClientRect();
    x = isRtl ? at.left : at.right - width;
    const below = at.bottom + BESIDE_PX;
    y = below + height > innerHeight - GAP_PX ? at.top - height - BESIDE_PX : below;
  } else {
    x = isRtl ? place.x - width : place.x;
    y = place.y + height > innerHeight - GAP_PX ? place.y - height : place.y;
  }
  node.style.left = `${Math.max(GAP_PX, Math.min(x, innerWidth - width - GAP_PX))}px`;
  node.style.top = `${Math.max(GAP_PX, Math.min(y, innerHeight - height - GAP_PX))}px`;
}
