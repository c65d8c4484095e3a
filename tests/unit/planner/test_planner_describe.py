from hypothesis import given
from hypothesis import strategies as st

from actors.planner.describe import describe
from models.history import MAX_SYMBOLS, MAX_TEXT_CHARS

DIFF = """\
diff --git a/src/kitchen/units.py b/src/kitchen/units.py
index 1..2 100644
--- a/src/kitchen/units.py
+++ b/src/kitchen/units.py
@@ -1,4 +1,5 @@ class Oven:
 import math
-    return degrees * 9 / 5
+    return degrees * 9 / 5 + 32
+
+async def cool(oven: Oven) -> None:
+    }
diff --git a/web/app.go b/web/app.go
--- a/web/app.go
+++ b/web/app.go
@@ -7 +7,2 @@ func (s *Server) Serve() {
+func (s *Server) Stop() error {
"""


def test_paths_then_symbols_then_lines_of_each_file_in_turn() -> None:
    described = describe(["src/kitchen/units.py", "web/app.go"], DIFF)
    assert described.symbols == ("Oven", "cool", "Serve", "Stop")
    assert described.text.split("\n") == [
        "src kitchen units py web app go",
        "Oven cool Serve Stop",
        "return degrees * 9 / 5",
        "func (s *Server) Stop() error {",
        "return degrees * 9 / 5 + 32",
        "async def cool(oven: Oven) -> None:",
    ]


def test_without_a_diff_the_paths_are_what_there_is() -> None:
    assert describe(["a/b.py"], "").text == "a b py"
    assert describe([], "").text == ""


def test_a_huge_change_leaves_room_for_what_it_does() -> None:
    lines = "".join(f"+    value_{number} = compute_{number}()\n" for number in range(50_000))
    diff = f"diff --git a/x b/x\n@@ -1 +1 @@\n{lines}"
    described = describe([f"some/folder/file_{number}.py" for number in range(10_000)], diff)
    assert "value_0 = compute_0()" in described.text
    assert len(described.text) == MAX_TEXT_CHARS


@given(
    st.lists(st.text(max_size=300), max_size=20), st.text(alphabet="+-@ \ndefclass(){}é\0diff--git/", max_size=4_000)
)
def test_any_text_is_described_within_bounds(paths: list[str], diff: str) -> None:
    described = describe(paths, "diff --git a b\n" + diff)
    assert len(described.text) <= MAX_TEXT_CHARS
    assert len(described.symbols) <= MAX_SYMBOLS
    assert describe(paths, "diff --git a b\n" + diff) == described
