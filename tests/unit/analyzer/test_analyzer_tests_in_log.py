import pytest

from actors.analyzer.tests_in_log import failing_tests
from actors.analyzer.window import window


@pytest.mark.parametrize(
    ("line", "name", "message"),
    [
        ("FAILED tests/test_a.py::test_x - assert 1 == 2", "tests/test_a.py::test_x", "assert 1 == 2"),
        ("FAILED a.py::T::test_x[a - b] - boom [x]", "a.py::T::test_x[a - b]", "boom [x]"),
        ("ERROR tests/test_b.py - SyntaxError: bad", "tests/test_b.py", "SyntaxError: bad"),
        ("ERROR tests/test_b.py::test_x", "tests/test_b.py::test_x", ""),
        ("tests/test_a.py::test_x FAILED      [ 50%]", "tests/test_a.py::test_x", ""),
        ("[gw1] [ 10%] FAILED tests/test_a.py::test_x ", "tests/test_a.py::test_x", ""),
        ("FAIL: test_u (pkg.test_a.TestU.test_u)", "pkg.test_a.TestU.test_u", ""),
        ("ERROR: test_u (pkg.test_a.TestU)", "pkg.test_a.TestU.test_u", ""),
        ("--- FAIL: TestSum/negative (0.00s)", "TestSum/negative", ""),
        ("test tests::adds ... FAILED", "tests::adds", ""),
        ("[  FAILED  ] Cart.Adds (3 ms)", "Cart.Adds", ""),
        ("  3 - unit_math (Failed)", "unit_math", ""),
        ("  ● Cart \u203a adds items", "Cart \u203a adds items", ""),
        ("rspec ./spec/cart_spec.rb:12 # Cart adds", "./spec/cart_spec.rb:12", "Cart adds"),
        ("adds(com.acme.CartTest)  Time elapsed: 0.1 sec  <<< FAILURE!", "com.acme.CartTest.adds", ""),
        ("[ERROR] com.acme.CartTest.adds -- Time elapsed: 0.1 s <<< FAILURE!", "com.acme.CartTest.adds", ""),
        ("com.acme.CartTest > adds FAILED", "com.acme.CartTest.adds", ""),
        (r"1) App\Tests\CartTest::testAdds", r"App\Tests\CartTest::testAdds", ""),
        ("not ok 3 - adds items", "adds items", ""),
        ("  Failed Acme.CartTest.Adds [12 ms]", "Acme.CartTest.Adds", ""),
        ("  1) test adds items (Acme.CartTest)", "Acme.CartTest.adds items", ""),
    ],
)
def test_each_runners_wording(line: str, name: str, message: str) -> None:
    (test,) = failing_tests(window([line]))
    assert (test.name, test.message, test.source) == (name, message, "log")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "FAILED to connect to the database",
        "ERROR: something went wrong (see above)",
        "FAILED (failures=1)",
        "tests/test_a.py::test_x PASSED",
        "ok 3 - adds",
        "not ok 3 - known # TODO later",
        "--- PASS: TestSum (0.00s)",
        "[  FAILED  ] 2 tests, listed below:",
        "  ● Console",
        "make: *** [test] Error 1",
        "E   FAILED tests/test_a.py::test_x",
    ],
)
def test_ordinary_lines_name_no_test(line: str) -> None:
    assert failing_tests(window([line])) == ()


def test_a_test_told_twice_is_one_and_keeps_its_message() -> None:
    lines = ["a.py::test_x FAILED [ 5%]", "FAILED a.py::test_x - boom", "FAILED a.py::test_x"]
    (test,) = failing_tests(window(lines))
    assert test.message == "boom"
