"""`from_pretrained`, `save_pretrained` and `push_to_hub`, as the Hub's own client has them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import torch
from huggingface_hub import PyTorchModelHubMixin

from vitdemo.registry import MODELS
from vitdemo.weights import load_model, save_familiarity, save_model
from vitdemo.weights.records import LoadedModel

BESIDE = ("README.md", "metrics.json", "*.png")  # what belongs to the weights besides
CARD = """---
{{ card_data }}
---
# A Vision Transformer

```python
import vitdemo

network = vitdemo.load("hf-hub:OWNER/NAME")
network.explain("photo.jpg").save("map.png")
```
"""


class HubMixin(
    PyTorchModelHubMixin,
    library_name="vitdemo",
    pipeline_tag="image-classification",
    tags=["vision-transformer"],
    model_card_template=CARD,
):
    """Goes to the Hub in vitdemo's format, and comes from there in every format that is read."""

    loaded: LoadedModel
    _hub_mixin_config: ClassVar[Any] = {}  # config.json is written with the weights, not from arguments

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write the weights, in half precision where that loses nothing, and what lies beside them."""
        spec, model = self.loaded.spec, self.loaded.model
        save_model(
            save_directory,
            model=model,
            name=spec.key if spec.key in MODELS else spec.title,
            data=spec.data,
            classes=self.loaded.classes,
            half=all(torch.equal(weight.half().float(), weight) for weight in model.state_dict().values()),
        )
        if self.loaded.familiarity is not None:
            save_familiarity(save_directory, self.loaded.familiarity)
        folder = self.loaded.folder
        if folder is not None and not spec.dense_of:  # there it is of the network with the predictors
            for path in (path for pattern in BESIDE for path in folder.glob(pattern)):
                if not path.is_symlink():  # which may lead to anything of this machine
                    shutil.copyfile(path, save_directory / path.name)

    @classmethod
    def _from_pretrained(
        cls, *, model_id: str, revision: str | None, force_download: bool, token: Any, **options: Any
    ) -> Any:
        """Return the network of a folder or a repository. Raise WeightsError as `load_model`."""
        given = {"force_download": force_download, "token": token}
        given |= {name: options.pop(name) for name in ("cache_dir", "local_files_only")}
        for name, value in given.items():
            if value:
                raise ValueError(f"{name} is not followed here; HF_TOKEN, HF_HOME and HF_HUB_OFFLINE are")
        name = f"hf-hub:{model_id}" + (f"@{revision}" if revision else "")
        return cls(load_model(model_id if Path(model_id).is_dir() else name), **options)  # type: ignore[call-arg]
