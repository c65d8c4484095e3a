"""The key of a cache: what changes it, what does not."""

from __future__ import annotations

from actors.planner.caches import cache_specs
from actors.planner.schema import CacheConfig

TREE = {"requirements.txt": "1" * 40, "src/a.py": "2" * 40, "requirements/dev.txt": "3" * 40}
CACHE = CacheConfig(key=("requirements*.txt", "requirements/**"), paths=(".venv",))


def key_of(cache: CacheConfig = CACHE, image: str = "runner-python", changed: dict[str, str] | None = None) -> str:
    [spec], notes = cache_specs([cache], image, {**TREE, **(changed or {})})
    assert notes == ()
    return spec.key


def test_other_files_do_not_change_the_key() -> None:
    assert key_of() == key_of(changed={"src/a.py": "9" * 40, "src/b.py": "8" * 40})


def test_content_names_paths_and_image_do() -> None:
    others = [
        key_of(changed={"requirements.txt": "9" * 40}),
        key_of(changed={"requirements/more.txt": "1" * 40}),
        key_of(image="runner-node"),
        key_of(CACHE.having(paths=(".venv", "~/.cache"))),
    ]
    assert len({key_of(), *others}) == 5


def test_a_key_that_no_file_matches_is_no_cache_and_is_told() -> None:
    specs, notes = cache_specs([CACHE.having(key=("poetry.lock",))], "runner-python", TREE)
    assert specs == ()
    assert notes == ("the cache of .venv has a key that no file matches, so it is not used",)


def test_a_person_can_read_what_it_is() -> None:
    [spec], _ = cache_specs([CACHE], "runner-python", TREE)
    assert spec.label == ".venv by requirements.txt, requirements/dev.txt"
    assert spec.paths == (".venv",)
