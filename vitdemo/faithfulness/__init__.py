"""Does a map tell the truth? Its patches are really removed, and the probability of the class is followed."""

from vitdemo.faithfulness.curves import Judgement, judge_orders, kept_counts
from vitdemo.faithfulness.orders import class_trace, map_orders, orders_of, random_orders
from vitdemo.faithfulness.ranking import Ranking, read_ranking

__all__ = [
    "Judgement",
    "Ranking",
    "class_trace",
    "judge_orders",
    "kept_counts",
    "map_orders",
    "orders_of",
    "random_orders",
    "read_ranking",
]
