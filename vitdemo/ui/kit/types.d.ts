// What the page's scripts hand to one another, for `make check`; no browser reads this.

/** What gradio's component gives to `mount`; `trigger` is one of its events. */
export interface Component<Props> {
  element: HTMLElement;
  trigger: Trigger;
  props: Props;
  watch: (names: string | string[], changed: () => void) => void;
}

export type Trigger = (event: string, data: object) => void;

/** Key -> text with {gaps}. */
export type Texts = Record<string, string>;

/** Language -> texts. */
export type Dictionaries = Record<string, Texts>;

/** A value for each position of a picture's tokens, or for each patch; NaN where there is none. */
export type Row = Float64Array;

/** Rows and columns of patches. */
export type Grid = [number, number];

/** Red, green and blue from 0 to 255. */
export type Colour = number[];

/** Writes colours into pixels, RGBA a patch. */
export type Fill = (pixels: Uint8ClampedArray) => void;

/** What of attention is looked at: head null fuses the heads, query null starts from what the head reads. */
export interface Look {
  method: string;
  pass: string;
  layer: number;
  head: number | null;
  direction: string;
  query: number | null;
  fusion: string;
  discard_ratio: number;
}

/** A pass. `ids[l]`: the original positions of the tokens present at layer l, ascending. `mixes[l]`: of each position
 * before it the token that it is part of, by its position, and its weight in that, 0 where it is gone; null where nothing
 * merged. `readout`: a row over all
 * `tokens` positions. `attn[l]`: (heads, n, n), row by row. `cuts[l]`: which weights are discarded. The last two are
 * null for a layer that is still to come. */
export interface Pass {
  layers: number;
  heads: number;
  prefix: number;
  tokens: number;
  ids: Uint16Array[];
  mixes: ({ holders: Uint16Array; weights: Float32Array } | null)[];
  readout: Float32Array;
  attn: (Float32Array | null)[];
  cuts: ({ cuts: Float32Array; odd: Uint32Array } | null)[];
}

/** The features of a layer. `patches`: those present, ascending. `place`: of each patch among them, -1 where it is
 * gone. `components`, `norms`: three principal components and a norm for each patch present. `directions`: once it has
 * arrived, a vector of length 1 and `width` numbers for each. */
export interface Layer {
  patches: Uint16Array;
  place: Int16Array;
  components: Float32Array;
  norms: Float32Array;
  limit: number;
  directions: Float32Array | null;
  width: number;
}

/** What the colours of a map mean: `strip` has them, `marks` are the texts below, one for `each` colour or from end
 * to end, and `beyond` says what lies beyond the scale. */
export interface Legend {
  label: string;
  strip: HTMLCanvasElement;
  marks: string[];
  each: boolean;
  beyond: string;
}

/** The head that is strongest at a patch, and its share of its own scale. */
export interface Winner {
  head: number;
  share: number;
}

/** What a pruning ratio makes of a picture: (label, probability), patches after each stage, a byte a patch in base64. */
export interface RatioStep {
  top: [string, number][];
  tokens: number[];
  stages: string;
}

declare global {
  interface Window {
    atRatio?: (ratio: number) => RatioStep | undefined;
    isShown?: (ratio: number) => boolean;
    fadeStale: () => void;
    findOpenTab: () => string | null;
    gradio_config: { app_id: number };
  }
  interface Element {
    film?: object;
    features?: object;
    attention?: {
      readonly state: Look;
      restore(part: Partial<Look>): void;
      prepare(part: Partial<Look>): void;
      heat(part?: Partial<Look>): number[] | null;
      heats(part?: Partial<Look>): (number[] | null)[][];
    };
  }
  interface DocumentEventMap {
    "attention-changed": CustomEvent<Look>;
  }
}
