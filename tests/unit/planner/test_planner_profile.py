import pytest

from actors.planner.profile import MIN_ALIKE, alike, features, propose, similar
from models.history import Profile, RecipeStep
from models.ids import JobId

GO = ["go.mod", "go.sum", *(f"pkg/part{number}.go" for number in range(30)), "README.md"]
MORE_GO = ["go.mod", "main.go", *(f"internal/x{number}.go" for number in range(80)), "docs/a.md"]
NODE = ["package.json", "package-lock.json", *(f"src/{number}.ts" for number in range(30)), "README.md"]


def profile(repository: str, files: list[str], command: str = "go test ./...") -> Profile:
    step = RecipeStep(job=JobId("test"), image="runner-go", run=(command,))
    return Profile(repository=repository, at=1.0, features=features(files), recipe=(step,))


def test_repositories_made_of_the_same_are_alike() -> None:
    assert alike(features(GO), features(GO)) == pytest.approx(1)
    assert alike(features(GO), features(MORE_GO)) > MIN_ALIKE > 0.5 > alike(features(GO), features(NODE))
    assert alike({}, features(GO)) == 0


def test_a_recipe_is_proposed_and_says_whose_it_is() -> None:
    likes = similar("ada/new", features(GO), [profile("ada/web", NODE), profile("ada/tool", MORE_GO)])
    assert [each.profile.repository for each in likes] == ["ada/tool"]
    (note,) = propose(likes)
    assert note.startswith(
        "a proposal for `.delta.yml`, from `ada/tool`, which looks like this repository (similarity 0."
    )
    assert note.endswith("job `test` in `runner-go`: `go test ./...`")
    assert propose([]) == ()


def test_nobody_learns_the_commands_of_another_owner() -> None:
    others = [profile("eve/tool", MORE_GO), profile("/srv/tool", MORE_GO), profile("ada/new", GO)]
    assert similar("ada/new", features(GO), others) == ()


def test_local_repositories_are_all_of_one_owner() -> None:
    assert len(similar("/srv/new", features(GO), [profile("/home/tool", MORE_GO)])) == 1


def test_a_command_cannot_break_out_of_the_note() -> None:
    (note,) = propose(similar("ada/new", features(GO), [profile("ada/x", GO, "echo `id`\n# heading")]))
    assert note.endswith("`echo ?id??# heading`")
