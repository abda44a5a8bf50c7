/** Touch on a message: a swipe towards the end of the line answers it, a long press opens its menu. */
import type { MenuPlace } from '../parts/place';

const BEGIN_PX = 12;
const ANSWER_PX = 56;
const FARTHEST_PX = 80;
const HOLD_MS = 450;

interface Options {
  isOff: () => boolean;
  onswipe: () => void;
  onhold: (place: MenuPlace) => void;
}

export function swipe({ isOff, onswipe, onhold }: Options): (row: HTMLElement) => () => void {
  return (row) => {
    let start: { x: number; y: number; id: number } | null = null;
    let reach = 0;
    let isMoving = false;
    let holding: ReturnType<typeof setTimeout> | undefined;
    const body = () => row.querySelector<HTMLElement>('.body');

    const down = (event: PointerEvent) => {
      if (event.pointerType !== 'touch' || start) return;
      const { clientX: x, clientY: y } = event;
      start = { x, y, id: event.pointerId };
      holding = setTimeout(() => {
        end();
        onhold({ x, y });
      }, HOLD_MS);
    };
    const move = (event: PointerEvent) => {
      if (!start || event.pointerId !== start.id) return;
      const sign = getComputedStyle(row).direction === 'rtl' ? -1 : 1;
      const dx = (event.clientX - start.x) * sign;
      const dy = Math.abs(event.clientY - start.y);
      if (Math.abs(dx) > BEGIN_PX || dy > BEGIN_PX) clearTimeout(holding);
      if (!isMoving && (isOff() || dy > BEGIN_PX || dx < -BEGIN_PX)) return end();
      if (!isMoving && dx > BEGIN_PX) {
        isMoving = true;
        row.setPointerCapture(start.id);
      }
      if (!isMoving) return;
      reach = Math.max(0, Math.min(FARTHEST_PX, dx));
      const node = body();
      if (node) node.style.transform = `translateX(${reach * sign}px)`;
    };
    const end = () => {
      clearTimeout(holding);
      const node = body();
      if (node) node.style.transform = '';
      start = null;
      isMoving = false;
      reach = 0;
    };
    const up = () => {
      const isAnswered = isMoving && reach >= ANSWER_PX;
      end();
      if (isAnswered) onswipe();
    };
    row.addEventListener('pointerdown', down);
    row.addEventListener('pointermove', move);
    row.addEventListener('pointerup', up);
    row.addEventListener('pointercancel', end);
    return () => {
      clearTimeout(holding);
      row.removeEventListener('pointerdown', down);
      row.removeEventListener('pointermove', move);
      row.removeEventListener('pointerup', up);
      row.removeEventListener('pointercancel', end);
    };
  };
}
