"""The programs that ascribe is measured against, each in a process of its own.

    peers.py prepare FOLDER NETWORK...                  exports and pickles the networks
    peers.py captum FOLDER NETWORK STEPS BATCH          prints the seconds of the call
    peers.py onnxruntime FOLDER NETWORK                 prints the seconds to the first prediction
    peers.py versions
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def prepare(folder: Path, names: list[str]) -> None:
    """Writes NAME.onnx and NAME.pt, the same network with random weights, and input.npy."""
    sys.path[:0] = [str(ROOT / "models"), str(ROOT / "Scripts/parity")]
    import export_torchvision
    import networks
    import numpy as np
    import torch

    np.save(folder / "input.npy", networks.pictures(1, networks.FULL_SIZE).numpy())
    for name in names:
        if (folder / f"{name}.onnx").exists() and (folder / f"{name}.pt").exists():
            continue
        export = networks.export(name)
        network = export_torchvision.built(export)
        torch.save(network, folder / f"{name}.pt")
        export_torchvision.write(export, network, folder / f"{name}.onnx")


def captum(folder: Path, name: str, steps: int, batch: int) -> float:
    sys.path.insert(0, str(ROOT / "models"))
    import torchvision_import

    torchvision_import.import_torchvision()
    import numpy as np
    import torch
    from captum.attr import IntegratedGradients

    network = torch.load(folder / f"{name}.pt", weights_only=False)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    picture = torch.from_numpy(np.load(folder / "input.npy"))
    start = time.monotonic()
    IntegratedGradients(network).attribute(
        picture, target=0, n_steps=steps, method="gausslegendre", internal_batch_size=batch
    )
    return time.monotonic() - start


def onnxruntime(folder: Path, name: str) -> float:
    import numpy as np
    import onnxruntime as runtime

    picture = np.load(folder / "input.npy")
    start = time.monotonic()
    session = runtime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
    session.run(None, {session.get_inputs()[0].name: picture})
    return time.monotonic() - start


def main() -> None:
    command, *arguments = sys.argv[1:]
    match command, arguments:
        case "prepare", [folder, *names]:
            prepare(Path(folder), names)
        case "captum", [folder, name, steps, batch]:
            print(captum(Path(folder), name, int(steps), int(batch)))
        case "onnxruntime", [folder, name]:
            print(onnxruntime(Path(folder), name))
        case "versions", []:
            print(json.dumps({name: version(name) for name in ("torch", "captum", "onnxruntime")}))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
