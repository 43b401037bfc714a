// node icon.mjs FILE: draws the icon, a typed line, the cursor and the dim rest, as a PNG of 256 by 256.

import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const SIZE = 256;
/** Samples along each side of a pixel, for smooth edges. */
const FINE = 4;

/** Distance of a point to a rectangle with round corners; negative inside. */
function distance(x, y, [left, top, width, height, radius]) {
  const dx = Math.abs(x - left - width / 2) - (width / 2 - radius);
  const dy = Math.abs(y - top - height / 2) - (height / 2 - radius);
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - radius;
}

// Later shapes lie above earlier ones; colours are red, green, blue, opacity.
const SHAPES = [
  { box: [0, 0, 256, 256, 52], colour: [22, 32, 43, 1] },
  { box: [44, 62, 92, 24, 12], colour: [126, 200, 227, 1] },
  { box: [68, 116, 58, 24, 12], colour: [236, 240, 244, 1] },
  { box: [136, 106, 10, 44, 5], colour: [255, 196, 87, 1] },
  { box: [156, 116, 58, 24, 12], colour: [236, 240, 244, 0.35] },
  { box: [68, 170, 104, 24, 12], colour: [236, 240, 244, 0.35] },
];

function pixel(column, row) {
  const sum = [0, 0, 0, 0];
  for (let sample = 0; sample < FINE * FINE; sample++) {
    const x = column + ((sample % FINE) + 0.5) / FINE;
    const y = row + (Math.floor(sample / FINE) + 0.5) / FINE;
    let [red, green, blue, opacity] = [0, 0, 0, 0];
    for (const { box, colour } of SHAPES.filter((shape) => distance(x, y, shape.box) < 0)) {
      const above = colour[3];
      [red, green, blue] = [red, green, blue].map((under, i) => under * (1 - above) + colour[i] * above);
      opacity = opacity * (1 - above) + above;
    }
    [red * opacity, green * opacity, blue * opacity, opacity].forEach((value, i) => (sum[i] += value));
  }
  const opacity = sum[3];
  const colour = sum.slice(0, 3).map((value) => (opacity === 0 ? 0 : Math.round(value / opacity)));
  return [...colour, Math.round((255 * opacity) / (FINE * FINE))];
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

const rows = [];
for (let row = 0; row < SIZE; row++) {
  rows.push(0);
  for (let column = 0; column < SIZE; column++) {
    rows.push(...pixel(column, row));
  }
}
const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8);
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
writeFileSync(
  process.argv[2],
  Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]),
);
