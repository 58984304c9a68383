"""What a page or a command line may ask for. Knows no gradio; a page knows no network and no trace."""

from vitdemo.engine.answers.batch import Said
from vitdemo.engine.answers.classes import ClassMap
from vitdemo.engine.answers.compare import Comparison, Side
from vitdemo.engine.answers.export import Export
from vitdemo.engine.answers.lab_records import (
    Adaptive,
    Budget,
    SmallestSet,
    Surgery,
    Sweep,
    SweepCurve,
    SweepPoint,
)
from vitdemo.engine.answers.numbers import PatchMap
from vitdemo.engine.answers.trust import Candidate, Trust
from vitdemo.engine.core.records import (
    MAX_PRUNING_RATIO,
    Analysis,
    Expired,
    ModelInfo,
    Outcome,
    Request,
    Step,
    Timings,
)
from vitdemo.engine.core.sizes import SizeChoice
from vitdemo.engine.engine import Engine
from vitdemo.engine.look import Look
from vitdemo.engine.result import Result
from vitdemo.maps import ATTENTION_METHODS, CLASS_METHODS, METHODS
from vitdemo.message import Progress
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import SELECTORS
from vitdemo.timing import Timing
from vitdemo.weights.records import Unreachable

__all__ = [
    "ATTENTION_METHODS",
    "CLASS_METHODS",
    "MAX_PRUNING_RATIO",
    "METHODS",
    "REDUCTIONS",
    "SELECTORS",
    "Adaptive",
    "Analysis",
    "Budget",
    "Candidate",
    "ClassMap",
    "Comparison",
    "Engine",
    "Expired",
    "Export",
    "Look",
    "ModelInfo",
    "Outcome",
    "PatchMap",
    "Progress",
    "Request",
    "Result",
    "Said",
    "Side",
    "SizeChoice",
    "SmallestSet",
    "Step",
    "Surgery",
    "Sweep",
    "SweepCurve",
    "SweepPoint",
    "Timing",
    "Timings",
    "Trust",
    "Unreachable",
]
