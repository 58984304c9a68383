"""What every test shares: checked tensor shapes, one thread and a fixed seed."""

import atexit
import os
import random
import shutil
import tempfile

import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook

# Every annotated function of the project is checked at each call; an int passes where a float is asked for.
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
install_import_hook(["vitdemo", "train"], CHECKER)

torch.set_num_threads(1)
# Equal pictures have equal names, and a test deletes what it has put there: each process has its own.
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="vitdemo-tests-")
atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """No test depends on the order in which the tests run."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
