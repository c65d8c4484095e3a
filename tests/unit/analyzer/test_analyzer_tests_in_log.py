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
        ("[xUnit.net 00:00:00.50]     Acme.CartTest.Adds [FAIL]", "Acme.CartTest.Adds", ""),
        (" FAIL  src/cart.test.ts > Cart > adds items", "Cart > adds items", ""),
        ("  1) [chromium] \u203a tests/cart.spec.ts:3:5 \u203a adds items ──", "adds items", ""),
        ("(fail) Cart > adds items [0.21ms]", "Cart > adds items", ""),
        ("adds items ... FAILED (2ms)", "adds items", ""),
        ("        FAIL [   0.005s] cart tests::adds", "cart tests::adds", ""),
        ("     TIMEOUT [  60.1s] ( 3/12) cart::api tests::adds", "cart::api tests::adds", ""),
        ("Failure: test_adds(CartTest)", "CartTest#test_adds", ""),
        ("Test Case '-[AcmeTests.CartTests testAdds]' failed (0.003 seconds).", "AcmeTests.CartTests.testAdds", ""),
        ("cart_SUITE:adds failed on line 695", "cart_SUITE:adds", ""),
        ("[info] - should add items *** FAILED ***", "should add items", ""),
        ("── Failure (test-cart.R:3:3): adds items ───", "adds items", ""),
        ("#   Failed test 'adds items'", "adds items", ""),
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


@pytest.mark.parametrize("head", ["Failure:", "Error:", "  1) Failure:", " 12) Error:"])
def test_minitest_says_before_a_name_what_became_of_it(head: str) -> None:
    lines = ["Skipped:", "CartTest#test_later [/app/cart_test.rb:3]:", "not yet", "", head]
    names = ["CartTest#test_adds [/app/cart_test.rb:9]:", "Acme::CartTest#test_: adds items:"]
    assert [test.name for name in names for test in failing_tests(window([*lines, name]))] == [
        "CartTest#test_adds",
        "Acme::CartTest#test_: adds items",
    ]


def test_a_test_told_twice_is_one_and_keeps_its_message() -> None:
    lines = ["a.py::test_x FAILED [ 5%]", "FAILED a.py::test_x - boom", "FAILED a.py::test_x"]
    (test,) = failing_tests(window(lines))
    assert test.message == "boom"


def names(*lines: str) -> list[str]:
    return [test.name for test in failing_tests(window(lines))]


def test_pytests_headings_say_what_no_summary_says() -> None:
    head = "=================================== FAILURES ==================================="
    found = names(
        "________ not_yet ________",
        head,
        "_______________ TestCart.test_adds _______________",
        "_ TestCart.test_sums[two three] _",
        "____________ [doctest] shop.cart.total ____________",
        "==================== 3 failed, 2 passed in 0.12 seconds ====================",
        "________ not_any_more ________",
    )
    assert found == ["TestCart.test_adds", "TestCart.test_sums[two three]", "shop.cart.total"]


def test_a_heading_whose_test_the_summary_names_is_no_second_test() -> None:
    head = "=================================== FAILURES ==================================="
    lines = [head, "____ TestCart.test_adds ____", "FAILED tests/test_cart.py::TestCart::test_adds - assert 1 == 2"]
    assert names(*lines) == ["tests/test_cart.py::TestCart::test_adds"]


def test_what_could_not_be_collected_is_named_by_its_file() -> None:
    head = "==================================== ERRORS ===================================="
    assert names(head, "________ ERROR collecting shop/tests/test_cart.py ________") == ["shop/tests/test_cart.py"]


def test_mochas_titles_stand_below_each_other() -> None:
    found = names(
        "    1) adds",
        "  3 passing (20ms)",
        "  2 failing",
        "",
        "  1) Cart",
        "       when empty",
        "         adds an item:",
        "     AssertionError: expected 1 to equal 2",
        "",
        '  2) Cart "before each" hook:',
        "     Error: no shop",
    )
    assert found == ["Cart when empty adds an item", 'Cart "before each" hook']


def test_ant_says_afterwards_that_a_test_failed() -> None:
    found = names(
        "    [junit] Testsuite: shop.CartTest",
        "    [junit] Testcase: adds took 0.01 sec",
        "    [junit] Testcase: sums[2] took 0.02 sec",
        "    [junit] \tFAILED",
        "    [junit] expected 1 but was 2",
        "    [junit] Testcase: opens took 0.01 sec",
        "    [junit] \tCaused an ERROR",
    )
    assert found == ["shop.CartTest.sums[2]", "shop.CartTest.opens"]


def test_mavens_list_repeats_what_was_said_with_the_package() -> None:
    found = names(
        "adds(shop.CartTest)  Time elapsed: 0.1 sec  <<< FAILURE!",
        "Failed tests: ",
        "  CartTest.adds:12 expected:<1> but was:<2>",
        "  CartTest.sums:20 null",
    )
    assert found == ["shop.CartTest.adds", "CartTest.sums"]


def test_nose_and_unittest_with_cases() -> None:
    found = names(
        "FAIL: shop.tests.test_cart.TestCart.test_adds",
        "FAIL: Doctest: shop.cart.total",
        "ERROR: test_sums('a b', ...) (shop.tests.CartTests)",
        "    ✖ opens the shop",
        "    ✖ is closed (skipped)",
        "✖ 3 problems (3 errors, 0 warnings)",
    )
    assert found == [
        "shop.tests.test_cart.TestCart.test_adds",
        "shop.cart.total",
        "shop.tests.CartTests.test_sums('a b', ...)",
        "opens the shop",
    ]
