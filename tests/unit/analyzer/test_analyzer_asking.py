"""What an explanation asks to be run; over the store in memory, with nodes and files by hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from actors.analyzer.actor import Analyzer
from actors.analyzer.asking import Asking
from actors.analyzer.proposals.files import Files
from cluster.blobs import LocalBlobs
from cluster.store.memory.state import State
from cluster.store.store import Store
from models.change import Change, ChangeKind, Forge, Trust
from models.embedding.encoder import DIMENSIONS, Encoder
from models.embedding.index import Vector
from models.errors import InfrastructureError
from models.failure import Explanation
from models.ids import JobId
from models.lifecycle.create import create
from models.lifecycle.decision import Decision
from models.logs import LogChunk, LogSource
from models.probe import Probe
from models.result import Artifact, AttemptResult
from models.run import Run
from models.snapshots import Snapshots, SnapshotTool
from tests.unit.analyzer.test_analyzer_fourway import TWO, failed
from tests.unit.analyzer.test_analyzer_proposals import BLACK, OLD, Tree
from tests.unit.core.samples import BROKEN, FAILED, NOW, PASSED, REFUSED, spec

TEST = JobId("test")


class Blind(Encoder):
    """Every text is the same to it."""

    def encode(self, texts: list[str]) -> Vector:  # type: ignore[override]  # a list is what it is given
        return np.full((len(texts), DIMENSIONS), DIMENSIONS**-0.5, dtype=np.float32)


@pytest.fixture
def store() -> Store:
    return Store.in_memory(shared=State())


async def explained(store: Store, run: Run, asking: Asking, folder: Path) -> Explanation:
    """Of a run whose only job has failed and printed a formatter's diff."""
    begun = await store.runs.commit(create(run.change, NOW))
    run = await store.runs.commit(Decision(run=run.having(id=begun.id, version=begun.version)))
    attempt = run.job(TEST).attempt.id
    await store.logs.append(attempt, [LogChunk(at=NOW, source=LogSource.JOB, step=0, text=BLACK)])
    return await Analyzer(store, LocalBlobs(folder), Blind(), asking).explain(run.id, TEST, attempt)


def trees(change: Change) -> Files:
    del change
    return Tree({"src/tin.py": OLD})


def broken(change: Change) -> Files:
    raise InfrastructureError(f"the mirror of {change.repository} is broken")


async def test_a_failure_asks_for_four_probes_and_the_trial_of_what_its_log_names(store: Store, tmp_path: Path) -> None:
    told = await explained(store, failed(), Asking(lambda: TWO, trees), tmp_path)
    assert told.four_way is not None
    assert len(told.four_way.probes) == 4
    assert told.proposal is not None
    assert "+++ b/src/tin.py" in told.proposal.patch


async def test_a_job_that_was_refused_for_its_image_is_tried_in_the_one_that_was_meant(
    store: Store, tmp_path: Path
) -> None:
    def config(change: Change) -> Files:
        del change
        return Tree({".delta.yml": "jobs:\n  test:\n    image: runner-pyhton\n", "src/tin.py": OLD})

    run = failed(spec("test").having(image="runner-pyhton"), REFUSED)
    told = await explained(store, run, Asking(lambda: TWO, config), tmp_path)
    assert told.four_way is None, "it would be refused again"
    assert told.proposal is not None
    assert told.proposal.image == "runner-python"
    broken_sandbox = failed(result=BROKEN, number=8)
    told = await explained(store, broken_sandbox, Asking(lambda: TWO, config), tmp_path)
    assert (told.four_way, told.proposal) == (None, None)


async def test_nothing_is_asked_for_that_is_turned_off_or_not_ours(store: Store, tmp_path: Path) -> None:
    told = await explained(store, failed(), Asking(), tmp_path)
    assert (told.four_way, told.proposal) == (None, None)
    outside = failed(trust=Trust.FORK, number=9)
    told = await explained(store, outside, Asking(lambda: TWO, trees), tmp_path)
    assert (told.four_way, told.proposal) == (None, None)


async def test_what_keeps_it_from_asking_keeps_no_explanation_back(store: Store, tmp_path: Path) -> None:
    told = await explained(store, failed(), Asking(lambda: TWO, broken), tmp_path)
    assert told.finding.summary
    assert (told.four_way, told.proposal) == (None, None)


async def test_the_failure_of_a_probe_is_explained_and_not_remembered(store: Store, tmp_path: Path) -> None:
    about = failed(forge=Forge.GITHUB)
    probe = Probe(run=about.id, job=TEST, attempt=about.job(TEST).attempt.id)
    run = failed(kind=ChangeKind.PROBE, probe=probe, number=None)
    told = await explained(store, run, Asking(lambda: TWO, trees), tmp_path)
    assert (told.four_way, told.proposal, told.past) == (None, None, None)
    assert [page async for page in store.failures.vectors(about.change.repository)] in ([], [[]])
    await explained(store, about, Asking(), tmp_path)
    assert [len(page) async for page in store.failures.vectors(about.change.repository)] == [1]


SNAP = "src/__snapshots__/a.test.js.snap"
BEFORE = "// Jest Snapshot v1, https://goo.gl/fbAQLP\n\nexports[`a 1`] = `1`;\n"


async def written(store: Store, folder: Path, asking: Asking, content: str, result: AttemptResult = PASSED) -> str:
    """What becomes of a probe that was to write a snapshot anew, and left this."""
    blobs = LocalBlobs(folder)
    blob, size = blobs.put(io.BytesIO(content.encode()), 1_000_000)
    about = failed(forge=Forge.GITHUB)
    probe = Probe(
        run=about.id,
        job=TEST,
        attempt=about.job(TEST).attempt.id,
        snapshots=Snapshots(tool=SnapshotTool.JEST, paths=(SNAP,)),
    )
    result = result.having(artifacts=(Artifact(path=SNAP, size_bytes=size, blob=blob),))
    run = failed(kind=ChangeKind.PROBE, probe=probe, number=None, result=result)
    begun = await store.runs.commit(create(run.change, NOW))
    run = await store.runs.commit(Decision(run=run.having(id=begun.id, version=begun.version)))
    return await Analyzer(store, blobs, Blind(), asking).rewritten(run.id)


def snapshots(change: Change) -> Files:
    del change
    return Tree({SNAP: BEFORE})


async def test_what_a_passed_probe_wrote_into_snapshots_becomes_a_patch(store: Store, tmp_path: Path) -> None:
    asking = Asking(trees=snapshots)
    patch = await written(store, tmp_path, asking, BEFORE.replace("`1`", "`2`"))
    assert "-exports[`a 1`] = `1`;\n+exports[`a 1`] = `2`;\n" in patch


@pytest.mark.parametrize(
    ("asking", "content", "result"),
    [
        (Asking(trees=snapshots), BEFORE.replace("`1`", "`2`"), FAILED),  # something else fails as well
        (Asking(trees=snapshots), BEFORE.replace("`1`", "evil()"), PASSED),
        (Asking(trees=snapshots), BEFORE, PASSED),
        (Asking(trees=lambda _: None), BEFORE.replace("`1`", "`2`"), PASSED),
        (Asking(trees=broken), BEFORE.replace("`1`", "`2`"), PASSED),
        (Asking(), BEFORE.replace("`1`", "`2`"), PASSED),
    ],
    ids=["failed", "evil", "same", "elsewhere", "broken", "off"],
)
async def test_of_any_other_probe_there_is_none(
    store: Store, tmp_path: Path, asking: Asking, content: str, result: AttemptResult
) -> None:
    assert await written(store, tmp_path, asking, content, result) == ""


async def test_a_run_that_wrote_no_snapshots_has_no_patch(store: Store, tmp_path: Path) -> None:
    about = failed(forge=Forge.GITHUB)
    begun = await store.runs.commit(create(about.change, NOW))
    run = await store.runs.commit(Decision(run=about.having(id=begun.id, version=begun.version)))
    assert await Analyzer(store, LocalBlobs(tmp_path), Blind(), Asking(trees=snapshots)).rewritten(run.id) == ""
