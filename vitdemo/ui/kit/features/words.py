"""Every word of features, by key; {gaps} are filled in the browser."""

from __future__ import annotations

TAB = "Features"
WORDS: dict[str, str] = {
    "features": TAB,
    "waiting": "Upload a picture, or choose an example, to begin.",
    "loading": "Loading the features of this layer",
    # The controls, each with a line that says what it does
    "layer": "Layer",
    "layer_info": "Counted from 0, the input side.",
    "pass": "Pass",
    "pass_pruned": "Pruned",
    "pass_dense": "Dense",
    "pass_info": "With patches dropped on the way, or with all of them.",
    "view": "Colours",
    "view_components": "Components",
    "view_norms": "Length",
    "view_info": "What sets patches apart, or how long each patch's vector is.",
    "patches": "Patches",
    "patches_smooth": "Smooth",
    "patches_square": "Square",
    "patches_info": "Colours blend from patch to patch, or keep to their squares.",
    "opacity": "Opacity",
    "opacity_info": "How strongly the colours cover the picture.",
    # Buttons and hints
    "unpin": "Unpin",
    "play": "Play the layers",
    "keep": "Keep this picture beside",
    "let_go": "Let the kept picture go",
    "hint": "Patches that the network sees as alike have like colours. Hover or tap a patch of the left "
    "picture to see what is alike; click pins it, arrow keys and Enter do the same. Keep a picture, then "
    "choose another: the two are compared.",
    "every": "Every layer",
    "picture": "The picture in the colours of its features. Arrow keys move from patch to patch, "
    "Enter pins a patch, Escape lets it go.",
    "alike": "The picture, brighter where a patch is more alike",
    # What is shown
    "title_components": "What sets the patches apart after layer {layer}",
    "title_norms": "Length of each patch's vector after layer {layer}",
    "title_alike": "Similarity to {patch}",
    "title_kept": "The kept picture: similarity to {patch} of the left one",
    "patch": "patch {patch} (row {row}, column {column})",
    "unit_components": "principal components of the patches: first red, second green, third blue",
    "unit_norms": "length of the vector (L2 norm)",
    "unit_similarity": "cosine similarity",
    "beyond": "artefact tokens: {count}",
    "gone": "Of {patch} nothing is left after layer {layer}; this is the nearest to the middle.",
    "norm": "The vector of {patch} has length {norm}.",
    "nearest": "Most alike: {patch} with {cosine}.",
    "nearest_kept": "Most alike in the kept picture: {patch} with {cosine}.",
    "artefacts": "Artefact tokens, longer than {limit}: {list}.",
    "no_artefacts": "No artefact tokens: none is longer than {limit}.",
}
