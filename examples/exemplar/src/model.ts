/**
 * The classifier: softmax regression over the pixels, their squares and the products of neighbouring pixels, which see strokes
 * where single pixels see only ink. Trained by plain mini-batch gradient descent with momentum. Small enough to read in one go,
 * and the same seed gives the same model.
 */

/** What `train` learns: for each class, one weight for each input and a last one for the bias. */
export interface Model {
  readonly classes: number;
  readonly side: number;
  readonly weights: readonly (readonly number[])[];
}

/** One picture as numbers from 0 to 1, and the digit it shows. */
export interface Sample {
  readonly pixels: readonly number[];
  readonly label: number;
}

/** The knobs of training. */
export interface Settings {
  readonly seed: number;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  /** How hard weights are pulled to zero. */
  readonly decay: number;
}

/** Inputs made from the pixels of a square picture. */
export function inputs(pixels: readonly number[], side: number): Float64Array {
  const at = (y: number, x: number): number => pixels[y * side + x]!;
  const out: number[] = [];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      out.push(at(y, x), at(y, x) ** 2);
      if (x + 1 < side) out.push(at(y, x) * at(y, x + 1));
      if (y + 1 < side) out.push(at(y, x) * at(y + 1, x));
      if (x + 1 < side && y + 1 < side) out.push(at(y, x) * at(y + 1, x + 1), at(y + 1, x) * at(y, x + 1));
    }
  }
  out.push(1);
  return Float64Array.from(out);
}

/** Learns from `samples`. `onEpoch` is shown the model after each round through them, counted from 1. */
export function train(
  samples: readonly Sample[],
  classes: number,
  settings: Settings,
  onEpoch?: (epoch: number, model: Model) => void,
): Model {
  const side = Math.sqrt(samples[0]?.pixels.length ?? 0);
  if (!Number.isInteger(side) || side === 0) throw new Error("no square pictures to learn from");
  const rows = samples.map((sample) => inputs(sample.pixels, side));
  const width = rows[0]!.length;
  const weights = Array.from({ length: classes }, () => new Float64Array(width));
  const speed = Array.from({ length: classes }, () => new Float64Array(width));
  const random = randomNumbers(settings.seed);
  const order = samples.map((_, index) => index);
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    shuffle(order, random);
    const rate = settings.rate / (1 + epoch / 20);
    for (let start = 0; start < order.length; start += settings.batch) {
      const batch = order.slice(start, start + settings.batch);
      const slopes = weights.map((row) => row.map((weight) => weight * settings.decay));
      for (const index of batch) {
        const row = rows[index]!;
        const guess = softmax(scores(weights, row));
        guess[samples[index]!.label]! -= 1;
        for (let k = 0; k < classes; k++) {
          const slope = slopes[k]!;
          const share = guess[k]! / batch.length;
          for (let i = 0; i < width; i++) slope[i]! += share * row[i]!;
        }
      }
      for (let k = 0; k < classes; k++) {
        for (let i = 0; i < width; i++) {
          speed[k]![i] = 0.9 * speed[k]![i]! - rate * slopes[k]![i]!;
          weights[k]![i]! += speed[k]![i]!;
        }
      }
    }
    onEpoch?.(epoch + 1, { classes, side, weights: weights.map((row) => Array.from(row)) });
  }
  // Six digits are plenty for the answers and keep the file small.
  return { classes, side, weights: weights.map((row) => Array.from(row, (weight) => Number(weight.toPrecision(6)))) };
}

/** The digit that the model sees. */
export function predict(model: Model, pixels: readonly number[]): number {
  const all = scores(model.weights, inputs(pixels, model.side));
  return all.indexOf(Math.max(...all));
}

/** The share of `samples` that the model gets right, 0 to 1. */
export function accuracy(model: Model, samples: readonly Sample[]): number {
  return samples.filter((sample) => predict(model, sample.pixels) === sample.label).length / samples.length;
}

function scores(weights: readonly ArrayLike<number>[], row: Float64Array): number[] {
  return weights.map((weight) => {
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += weight[i]! * row[i]!;
    return sum;
  });
}

function softmax(values: readonly number[]): number[] {
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffle(order: number[], random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
}
