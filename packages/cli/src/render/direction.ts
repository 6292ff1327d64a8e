/** Whether a metric got better; nobody can tell for names that say nothing. */
export type Direction = "better" | "worse" | "unknown";

/** Words in names of metrics of which less is better, and of which more is. */
const LESS = new Set(
  "loss error err mse rmse mae mape msle wer cer fpr fnr perplexity ppl latency time seconds duration size divergence regret".split(
    " ",
  ),
);
const MORE = new Set(
  "acc accuracy auc auroc roc pr ap map f1 fscore precision recall sensitivity specificity score r2 iou dice bleu rouge tpr tnr throughput reward prec".split(
    " ",
  ),
);

/** How a metric changed, told by the words of its name. Values other than numbers tell nothing. */
export function directionOf(key: string, older: unknown, newer: unknown): Direction {
  const [before, after] = [Number(older), Number(newer)];
  if (older === null || newer === null || !(before < after || before > after)) return "unknown";
  const words = key
    .replaceAll(/([a-z])(?=[A-Z])/g, "$1_")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const isLess = words.some((word) => LESS.has(word));
  if (!isLess && !words.some((word) => MORE.has(word))) return "unknown";
  return after < before === isLess ? "better" : "worse";
}
