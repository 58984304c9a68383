"""Every word of the tab Inside and of the sections that show checks, speed and the model card."""

from __future__ import annotations

from vitdemo.engine.inside import Ablation, Familiarity, Filters, Heads, ModelCard, Norms
from vitdemo.ui.text import escaped, percent

TAB = "Inside"
WALK = "Step by step"
WALK_MORE = "Your own picture on its way through this very network."

WEIGHTS = "What the weights have learned"
FILTERS = "Patch filters"
FILTERS_ALT = "Principal components of the patch projection as colour tiles"
POSITIONS = "Position embeddings"
POSITIONS_MORE = (
    "One small map for each place: how alike its position embedding is to every other (cosine). Neighbours, "
    "rows and columns stand out where training has found out how pictures are laid out. "
    "Click one to enlarge it."
)
POSITIONS_ALT = "A grid of small similarity maps, one for each position"
POSITION_ALT = "The similarity of the chosen position to all others"
POSITION = "Position"
POSITION_INFO = "Counted row by row from the top left."

HEADS = "How each head looks"
PASS = "Pass"
PASS_INFO = "Through pruning, only the patches still present count."
PASSES = [("Pruned pass", "pruned"), ("Dense pass", "dense")]
DISTANCE = "Attention distance"
DISTANCE_ALT = "Table of the attention distance of each head and layer"
ENTROPY = "Attention entropy"
ENTROPY_ALT = "Table of the attention entropy of each head and layer"
ABLATION = "Without one head"
ABLATION_MORE = (
    "Each head of each layer is silenced in turn, and the logit of the answer is read again. "
    "This runs the network once for each layer, on a batch of its heads."
)
ABLATION_ALT = "Table of how the answer's logit changes without each head"
ABLATION_BUTTON = "Silence each head in turn"

TOKENS = "Tokens that stand out"
NORMS_ALT = "The norm of each patch token after the last block, artefact tokens framed"

SPEED = "Speed on this machine"
CARD = "Model card"
CARD_FIGURES = "Figures from the training"


def paragraph(words: str, *, kind: str = "note") -> str:
    """`words` as text in a paragraph of the style `kind`."""
    return f'<p class="{kind}">{escaped(words)}</p>'


def filters(found: Filters) -> str:
    """What the tiles show."""
    return paragraph(
        f"The projection turns each patch into numbers by comparing it with learned filters. These are the "
        f"{found.shown} strongest of their {found.total} principal components; together they hold "
        f"{percent(found.share)} of the variance. Smooth tiles look for colours and edges; noisy ones are "
        "what training has left as it began."
    )


def distance(heads: Heads) -> str:
    """How to read the table of distances."""
    return paragraph(
        "How far each head looks on average, in pixels of the model's input: small numbers mean that patches "
        f"look at their neighbours, {heads.farthest:.1f} would be corner to corner. Grey: no patch looks."
    )


def entropy(heads: Heads) -> str:
    """How to read the table of entropies."""
    return paragraph(
        "How widely each head looks, in nats: 0 means that each token looks at a single one, "
        f"{heads.widest:.2f} that all tokens of the dense pass get the same attention."
    )


def ablation(found: Ablation) -> str:
    """The strongest heads in a sentence."""
    rows = [
        (change, layer, head) for layer, row in enumerate(found.changes) for head, change in enumerate(row)
    ]
    down, up = min(rows), max(rows)
    words = f"With all heads the logit of {found.label} is {found.logit:.2f}. "
    if down[0] < 0:
        words += f"It falls most, by {-down[0]:.2f}, without head {down[2]} of layer {down[1]}. "
    if up[0] > 0:
        words += (
            f"It rises most, by {up[0]:.2f}, without head {up[2]} of layer {up[1]}, which spoke against it. "
        )
    if found.pruned:
        words += "The kept patches stay the same, so that each change is that of the head alone."
    return paragraph(words)


def norms(found: Norms) -> str:
    """The rule, and what it found."""
    rule = (
        f"A patch token counts as an artefact if its norm is above the median plus {found.factor:g} times "
        f"the median absolute deviation, here {found.limit:.1f}. Such tokens hold something about the whole "
        "picture instead of their own place (Darcet et al. 2024), and attention maps light up there. "
    )
    if not found.artefacts:
        result = "In this pass there is none, as is usual for small networks."
    elif len(found.artefacts) == 1:
        result = f"In this pass there is one, framed: patch {found.artefacts[0]}."
    else:
        listed = ", ".join(map(str, found.artefacts))
        result = f"In this pass there are {len(found.artefacts)}, framed: patches {listed}."
    return paragraph(rule + result)


NO_CARD = "There is no model card here for these weights ({source}); they are described where they came from."


def no_card(card: ModelCard) -> str:
    return NO_CARD.format(source=card.source)


def familiarity(found: Familiarity | None) -> str:
    """The notice about a picture unlike those of the validation split; nothing where that is not known."""
    if found is None:
        return ""
    sure = f"The dense pass is {percent(found.confidence)} sure of its answer"
    if found.unusual:
        words = (
            f"Less sure than on {found.surer} % of the pictures it was validated on. {sure}; the picture may "
            "be unlike anything that this model was trained on, so take the answer with care."
        )
        return f'<p class="unusual" role="note">{escaped(words)}</p>'
    return paragraph(
        f"{sure}. It was surer on {found.surer} % of the pictures it was validated on. A sure answer does "
        "not prove that the picture is of a familiar kind."
    )
