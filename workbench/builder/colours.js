// Contrast of two colours, as WCAG 2.2 measures it.

function luminance(hex) {
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = parts.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export const isColour = (text) => /^#[0-9a-fA-F]{6}$/.test(text);

/** 1 (the same) to 21 (black on white); null where one of them is no colour. */
export function contrast(first, second) {
  if (!isColour(first) || !isColour(second)) return null;
  const [low, high] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
