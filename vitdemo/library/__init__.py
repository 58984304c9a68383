"""What a program may ask for: the names of `import vitdemo`."""

from vitdemo.library.answers import Explanation, Pruned
from vitdemo.library.folder import predict_folder
from vitdemo.library.network import Network, explain, load, prune, record

__all__ = ["Explanation", "Network", "Pruned", "explain", "load", "predict_folder", "prune", "record"]
