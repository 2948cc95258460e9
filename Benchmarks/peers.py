"""The programs that ascribe is measured against, each in a process of its own.

    peers.py prepare FOLDER PICTURES NETWORK...         writes the networks and their inputs
    peers.py captum FOLDER NETWORK STEPS BATCH MAP 0|1
    peers.py torch FOLDER NETWORK STEPS contiguous|channels_last eager|compiled BATCH MAP 0|1
    peers.py forward FOLDER NETWORK BATCH THREADS       onnxruntime, a warm session
    peers.py open FOLDER NETWORK THREADS                onnxruntime, to the first prediction
    peers.py distance MAP MAP                           prints the relative L2 distance
    peers.py versions

The four that are measured print the seconds of the call and the peak memory of the process in bytes
as JSON; torch also the seconds of compiling and a first batch; with 1 the seconds of a second call.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from meter import Metered
from programs import TorchSetting

ROOT = Path(__file__).resolve().parents[1]


def prepare(folder: Path, pictures: int, names: list[str]) -> None:
    """Writes NAME.onnx and NAME.pt, the same network with random weights, and the inputs."""
    sys.path[:0] = [str(ROOT / "models"), str(ROOT / "Scripts/parity")]
    import export_torchvision
    import networks
    import numpy as np
    import torch

    (folder / "maps").mkdir(exist_ok=True)
    np.save(folder / "input.npy", networks.pictures(1, networks.FULL_SIZE).numpy())
    np.save(folder / "pictures.npy", networks.pictures(pictures, networks.FULL_SIZE).numpy())
    for name in names:
        if (folder / f"{name}.onnx").exists() and (folder / f"{name}.pt").exists():
            continue
        export = networks.export(name)
        network = export_torchvision.built(export)
        torch.save(network, folder / f"{name}.pt")
        export_torchvision.write(export, network, folder / f"{name}.onnx")


def figures(call: Metered[Any]) -> dict[str, float]:
    return {"seconds": call.seconds, "memory": call.memory}


def saved(calls: list[Metered[Any]], path: str) -> dict[str, float]:
    """The figures of a call, whose map is written to a file, and of another one."""
    import numpy as np

    np.save(path, calls[0].result.detach().numpy())
    again = {"again": call.seconds for call in calls[1:]}
    return figures(calls[0]) | again


def distance(actual: Path, expected: Path) -> float:
    import numpy as np

    one, other = (np.load(path).astype(np.float64) for path in (actual, expected))
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def answer(command: str, arguments: list[str]) -> object:
    """What is printed."""
    match command, arguments:
        case "prepare", [folder, pictures, *names]:
            prepare(Path(folder), int(pictures), names)
            return names
        case "captum", [folder, name, steps, batch, path, again]:
            import torch_peers

            options = (Path(folder), name, int(steps), int(batch))
            return saved(torch_peers.captum(*options, again=again == "1"), path)
        case "torch", [folder, name, steps, layout, mode, batch, path, again]:
            import torch_peers

            setting = TorchSetting(layout, mode, int(batch))
            options = (Path(folder), name, int(steps), setting)
            calls, warming = torch_peers.loop(*options, again=again == "1")
            return saved(calls, path) | {"warming": warming}
        case "forward", [folder, name, batch, threads]:
            import onnxruntime_peers

            return figures(onnxruntime_peers.forward(Path(folder), name, int(batch), int(threads)))
        case "open", [folder, name, threads]:
            import onnxruntime_peers

            return figures(onnxruntime_peers.first_prediction(Path(folder), name, int(threads)))
        case "distance", [actual, expected]:
            return distance(Path(actual), Path(expected))
        case "versions", []:
            return {name: version(name) for name in ("torch", "captum", "onnxruntime")}
        case _:
            raise SystemExit(__doc__)


def main() -> None:
    command, *arguments = sys.argv[1:]
    try:
        print(json.dumps(answer(command, arguments)))
    except Exception as error:
        line = next(iter(str(error).splitlines()), "")
        raise SystemExit(f"error: {command}: {type(error).__name__}: {line}") from None


if __name__ == "__main__":
    main()
