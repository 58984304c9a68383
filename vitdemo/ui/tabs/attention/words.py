"""Every word of the Attention tab, by key; {gaps} are filled in the browser."""

from __future__ import annotations

from vitdemo.engine import METHODS

WORDS: dict[str, str] = {
    "attention": "Attention",
    "waiting": "Upload a picture, or choose an example, to begin.",
    "loading": "Loading attention: {done} of {layers} layers",
    # The controls, each with a line that says what it does
    "method": "Method",
    "direction": "Direction",
    "direction_out": "Looks at",
    "direction_in": "Looked at by",
    "direction_info": "Where the chosen patch looks, or who looks at it.",
    "pass": "Pass",
    "pass_pruned": "Pruned",
    "pass_dense": "Dense",
    "pass_info": "With patches dropped on the way, or with all of them.",
    "fusion": "Head fusion",
    "fusion_mean": "Mean",
    "fusion_max": "Max",
    "fusion_min": "Min",
    "fusion_info": "How the heads of a layer become one.",
    "layer": "Layer",
    "layer_info": "Counted from 0, the input side.",
    "head": "Head",
    "all_heads": "All heads, fused",
    "all_short": "All",
    "percent": "{number} %",
    "head_number": "Head {head}",
    "head_info": "One head, or all of them together.",
    "discard_ratio": "Discard ratio",
    "discard_ratio_info": "The weakest weights of each layer, which rollout then ignores.",
    "opacity": "Opacity",
    "opacity_info": "How strongly the colours cover the picture.",
    "scale": "Scale",
    "scale_info": "Where the colours end: for each map apart, or for all together.",
    "scale_own": "Each its own",
    "scale_shared": "One for all",
    "colours": "Colours",
    "colours_info": "How strong one map is, or which head is strongest at each patch.",
    "colours_values": "By value",
    "colours_heads": "By head",
    "patches": "Patches",
    "patches_info": "Colours blend from patch to patch, or keep to their squares.",
    "patches_smooth": "Smooth",
    "patches_square": "Square",
    # Legends
    "ends_top": "up to the maximum of this map",
    "ends_own": "up to the 98th percentile of this map, without its outliers",
    "ends_each": "each map on its own scale, without its outliers",
    "ends_shared": "one scale, up to the 99th percentile of all maps",
    "beyond": "beyond the scale: {count} patches",
    "heads_each": "the strongest head, each on its own scale",
    "heads_shared": "the strongest head, all on one scale",
    # Buttons and hints
    "unpin": "Unpin",
    "save": "Save PNG",
    "save_all": "Save all as PNG",
    "play": "Play the layers",
    "hint": "Hover or tap a patch to start there; click pins it, Escape or a second click lets it go. "
    "Arrow keys and Enter do the same. Grey patches were dropped by pruning.",
    "grid": "Every layer and head",
    "grid_info": "Rows are layers, columns are heads. Click one to see it large, or use the arrow keys.",
    "picture": "The picture with its attention map. Arrow keys move from patch to patch, "
    "Enter pins a patch, Escape lets it go.",
    # What is shown
    "place": "layer {layer}, head {head}",
    "place_all": "layer {layer}, all heads",
    "place_heads": "layer {layer}, each head in its colour",
    "patch": "patch {patch} (row {row}, column {column})",
    "during_pruned": "pruned pass",
    "during_dense": "dense pass",
    "readout": "what the head reads",
    "from": "from {start}",
    "to": "towards {start}",
    "dropped": "{patch} was dropped before layer {layer}, so the map shows what the head reads instead. ",
    "start_out": "From {patch}, which has {value}, {share} of the total, "
    "in the map from what the head reads. ",
    "start_in": "Towards {patch}, which has {value}, {share} of the total, "
    "in the map towards what the head reads. ",
    "start_gone": "Towards {patch}, which was dropped and has no value "
    "in the map towards what the head reads. ",
    "largest": "Largest: {patch} with {value}, {share} of the total over all patches.",
    "under": "Under the cursor: {patch} with {value}, {share} of the total over all patches.",
    "gone": "Under the cursor: {patch}, which was dropped and has no value here.",
    "strongest": "Under the cursor: {patch}, most of all from head {head}, {share} of the end of its scale.",
    "heads_most": "Strongest on how many patches: {counts}",
    "head_count": "head {head} on {count}",
    "prefix_part": " Apart from that, {share} goes to tokens that are not patches, such as the class token.",
    "nothing": "This map is zero everywhere: no attention.",
    "only_prefix": "No patch gets anything: all of it goes to tokens that are not patches.",
}
SHOWN = [method for method in METHODS.values() if method.in_browser]
OPTIONS = {method.key: [option.key for option in method.options] for method in SHOWN}
WORDS |= {
    f"{part}_{method.key}": text
    for method in SHOWN
    for part, text in (("method", method.title), ("summary", method.summary), ("unit", method.unit))
}
