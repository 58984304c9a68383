"""What the page calls the maps."""

from __future__ import annotations

MAPS = {  # key of a method -> its name, and what it shows
    "raw-attention": ("Raw attention", "What the head's tokens look at in the last layer."),
    "attention-rollout": ("Attention rollout", "Attention followed through all layers, for any class."),
    "head-rollout": ("Per-head rollout", "What the last layer gathers, followed back, for any class."),
    "keep-score": ("Keep score", "The order in which this network itself would drop patches."),
    "gradient-rollout": (
        "Gradient rollout",
        "Follows, through all layers, only the attention that speaks for the class.",
    ),
    "chefer": ("Chefer et al.", "Adds up, layer by layer, how much attention to a patch raises the class."),
    "attention-gradcam": (
        "Attention Grad-CAM",
        "The last layer's attention, each head weighted by how much it speaks for the class.",
    ),
    "token-gradcam": (
        "Token Grad-CAM",
        "Which patches hold, before the last layer, the features that speak for the class.",
    ),
}
