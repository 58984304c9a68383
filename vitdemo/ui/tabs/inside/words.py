"""Every word of the tab Inside, but for those of its card of speed, which stand beside its numbers."""

from __future__ import annotations

from vitdemo.engine import Step
from vitdemo.engine.answers.inside import Ablation, Filters, Heads, ModelCard, Norms
from vitdemo.ui.kit.html import Html, note, quiet, tag
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.words import percent

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
    "This runs the network once, on one batch of all heads."
)
ABLATION_ALT = "Table of how the answer's logit changes without each head"
ABLATION_BUTTON = "Silence each head in turn"

TOKENS = "Tokens that stand out"
NORMS_ALT = "The norm of each patch token after the last block, artefact tokens framed"

SPEED = "Speed on this machine"
CARD = "Model card"
CARD_FIGURES = "Figures from the training"


FILTERS_SAID = (
    "The projection turns each patch into numbers by comparing it with learned filters. These are the "
    "{shown} strongest of their {total} principal components; together they hold {share} of the variance. "
    "Smooth tiles look for colours and edges; noisy ones are what training has left as it began."
)
DISTANCE_SAID = (
    "How far each head looks on average, in pixels of the model's input: small numbers mean that patches "
    "look at their neighbours, {farthest} would be corner to corner. Grey: no patch looks."
)
ENTROPY_SAID = (
    "How widely each head looks, in nats: 0 means that each token looks at a single one, {widest} that all "
    "tokens of the dense pass get the same attention."
)
WITH_ALL = "With all heads the logit of {label} is {logit}. "
FALLS = "It falls most, by {change}, without head {head} of layer {layer}. "
RISES = "It rises most, by {change}, without head {head} of layer {layer}, which spoke against it. "
SAME_PATCHES = "The kept patches stay the same, so that each change is that of the head alone."
ARTEFACTS = (
    "A patch token counts as an artefact if its norm is above the median plus {factor} times the median "
    "absolute deviation, here {limit}. Such tokens hold something about the whole picture instead of their "
    "own place (Darcet et al. 2024), and attention maps light up there. "
)
NO_ARTEFACT = "In this pass there is none, as is usual for small networks."
ONE_ARTEFACT = "In this pass there is one, framed: patch {patches}."
SOME_ARTEFACTS = "In this pass there are {count}, framed: patches {patches}."
NO_CARD = "There is no model card here for these weights ({source}); they are described where they came from."


def write_filters(found: Filters) -> Html:
    """Return what the tiles show."""
    share = percent(found.share)
    return note(say(FILTERS_SAID, shown=found.shown, total=found.total, share=share))


def write_distance(heads: Heads) -> Html:
    """Return how to read the table of distances."""
    return note(say(DISTANCE_SAID, farthest=f"{heads.farthest:.1f}"))


def write_entropy(heads: Heads) -> Html:
    """Return how to read the table of entropies."""
    return note(say(ENTROPY_SAID, widest=f"{heads.widest:.2f}"))


def write_ablation(found: Ablation) -> Html:
    """Return the strongest heads in a sentence."""
    rows = [
        (change, layer, head) for layer, row in enumerate(found.changes) for head, change in enumerate(row)
    ]
    down, up = min(rows), max(rows)
    words = say(WITH_ALL, label=found.label, logit=f"{found.logit:.2f}")
    for sentence, (change, layer, head), counts in ((FALLS, down, down[0] < 0), (RISES, up, up[0] > 0)):
        if counts:
            words += say(sentence, change=f"{abs(change):.2f}", head=head, layer=layer)
    return note(words + (say(SAME_PATCHES) if found.pruned else ""))


def write_norms(found: Norms) -> Html:
    """Return the rule, and what it found."""
    count = len(found.artefacts)
    rule = say(ARTEFACTS, factor=f"{found.factor:g}", limit=f"{found.limit:.1f}")
    if not count:
        return note(rule + say(NO_ARTEFACT))
    listed = say(", ").join(map(str, found.artefacts))
    return note(rule + say(ONE_ARTEFACT if count == 1 else SOME_ARTEFACTS, count=count, patches=listed))


def write_no_card(card: ModelCard) -> str:
    return say(NO_CARD, source=translate(card.source))


def write_step(number: int, total: int, now: Step) -> Html:
    """Return one step of the way through the network."""
    place = say("Step {number} of {total}", number=number + 1, total=total)
    return tag(
        "article",
        quiet(place),
        tag("h2", translate(now.title)),
        tag("p", tag("code", now.shape), class_="shape"),
        tag("p", translate(now.text)),
        class_="step",
    )
