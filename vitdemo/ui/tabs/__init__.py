"""The tabs, a folder each."""

from __future__ import annotations

from vitdemo.ui.tabs.attention import tab as attention
from vitdemo.ui.tabs.compare import tab as compare
from vitdemo.ui.tabs.features import tab as features
from vitdemo.ui.tabs.inside import tab as inside
from vitdemo.ui.tabs.prediction import tab as prediction
from vitdemo.ui.tabs.tokens import tab as tokens
from vitdemo.ui.tabs.trust import tab as trust

# From left to right. `build(session)` of each builds it where it is called.
TABS = (prediction, attention, features, tokens, trust, inside, compare)
