"""Checks Scripts/kubernetes/evaluate.yaml without a cluster. `make test-kubernetes` runs it.

What must agree in the file agrees; and what its pods run, run here pod by pod with a folder in
place of the volume, gives the summaries of an undivided run. ASCRIBE names the program.
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "Scripts/kubernetes/evaluate.yaml"
ASCRIBE = Path(os.environ.get("ASCRIBE", ROOT / ".build/release/ascribe"))


def environment(container):
    return {entry["name"]: entry.get("value") for entry in container["env"]}


class Manifest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        documents = list(yaml.safe_load_all(MANIFEST.read_text()))
        cls.kinds = [document["kind"] for document in documents]
        cls.claim, cls.evaluation, cls.merge = documents
        cls.jobs = [cls.evaluation["spec"], cls.merge["spec"]]
        cls.pods = [job["template"]["spec"] for job in cls.jobs]
        cls.containers = [pod["containers"][0] for pod in cls.pods]

    def test_objects(self):
        self.assertEqual(self.kinds, ["PersistentVolumeClaim", "Job", "Job"])
        self.assertEqual(self.claim["spec"]["accessModes"], ["ReadWriteMany"])

    def test_number_of_shards_agrees(self):
        job = self.evaluation["spec"]
        self.assertEqual(job["completionMode"], "Indexed")
        self.assertEqual(job["completions"], job["parallelism"])
        for container in self.containers:
            self.assertEqual(environment(container)["SHARDS"], str(job["completions"]))

    def test_disruptions_do_not_count_and_wrong_input_is_not_tried_again(self):
        for job, pod, action in zip(self.jobs, self.pods, ["FailIndex", "FailJob"]):
            self.assertTrue(job["suspend"])
            self.assertEqual(job["podReplacementPolicy"], "Failed")
            self.assertEqual(pod["restartPolicy"], "Never")
            self.assertGreater(pod["terminationGracePeriodSeconds"], 0)
            ignore, give_up = job["podFailurePolicy"]["rules"]
            self.assertEqual(ignore["action"], "Ignore")
            self.assertEqual(
                ignore["onPodConditions"], [{"type": "DisruptionTarget", "status": "True"}]
            )
            self.assertEqual(give_up["action"], action)
            self.assertEqual(give_up["onExitCodes"]["operator"], "In")
            self.assertEqual(give_up["onExitCodes"]["values"], [64, 65, 66])
            names = [container["name"] for container in pod["containers"]]
            self.assertEqual(names, [give_up["onExitCodes"]["containerName"]])
        self.assertIn("backoffLimitPerIndex", self.jobs[0])

    def test_volume_and_resources(self):
        first, second = map(environment, self.containers)
        self.assertEqual(first["RESULTS"], second["RESULTS"])
        self.assertEqual(self.containers[0]["image"], self.containers[1]["image"])
        for pod, container in zip(self.pods, self.containers):
            (volume,) = pod["volumes"]
            (mount,) = container["volumeMounts"]
            self.assertEqual(mount["name"], volume["name"])
            self.assertEqual(
                volume["persistentVolumeClaim"]["claimName"], self.claim["metadata"]["name"]
            )
            self.assertTrue(first["RESULTS"].startswith(mount["mountPath"] + "/"))
            self.assertEqual(container["resources"]["requests"], container["resources"]["limits"])

    @unittest.skipUnless(ASCRIBE.exists(), f"there is no {ASCRIBE}")
    def test_pods_give_what_an_undivided_run_gives(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "a volume"
            folder.mkdir()
            (folder / "ascribe").symlink_to(ASCRIBE.resolve())
            (folder / "model.onnx").symlink_to(ROOT / "models/shapes.onnx")
            # Whatever lies beside the model belongs to it.
            for beside in (ROOT / "models").glob("shapes.*"):
                if beside.suffix != ".onnx":
                    (folder / beside.name.replace("shapes", "model", 1)).symlink_to(beside)
            pictures = folder / "pictures"
            for picture in sorted((ROOT / "models/shapes/images").glob("*/00[0-1].png")):
                (pictures / picture.parent.name).mkdir(parents=True, exist_ok=True)
                (pictures / picture.parent.name / picture.name).symlink_to(picture)

            def run(command, **variables):
                path = f"{folder}:{os.environ['PATH']}"
                result = subprocess.run(
                    command,
                    env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"} | variables,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(result.returncode, 0, result.stderr)
                return result.stdout

            evaluation, merge = self.containers
            mount = evaluation["volumeMounts"][0]["mountPath"] + "/"

            def local(word):
                # A few steps are enough here.
                return word.replace(mount, f"{folder}/").replace("ig,", "ig:8,")

            def pod(container, **variables):
                values = environment(container)
                return run(
                    container["command"] + list(map(local, container.get("args", []))),
                    SHARDS=values["SHARDS"],
                    RESULTS=local(values["RESULTS"]),
                    **variables,
                )

            for index in range(self.jobs[0]["completions"]):
                pod(evaluation, JOB_COMPLETION_INDEX=str(index))
            summary = pod(merge)

            undivided = str(folder / "undivided.sqlite")
            run(["ascribe", "evaluate", *map(local, evaluation["args"]), "--output", undivided])
            self.assertTrue(summary.endswith(run(["ascribe", "summary", undivided])), summary)
            merged = str(folder / "results.sqlite")
            for form in ["--json", "--csv"]:
                self.assertEqual(
                    run(["ascribe", "summary", merged, form]),
                    run(["ascribe", "summary", undivided, form]),
                )


if __name__ == "__main__":
    sys.exit(unittest.main())
